"""Networks of pods that start, or end, while somebody looks at them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_dir
from rktpy.net import runtime
from rktpy.net.firewall import loopback
from tests.integration.run.images import SHELL
from tests.integration.run.rk import PATIENCE, until
from tests.support.flocks import is_waited_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.netted import Netted


def test_rules_that_are_not_there_yet_are_not_missed(net: Netted) -> None:
    runtime.make(loopback.DIRECTORY)
    with lock_dir(loopback.DIRECTORY) as turn, net.start("run", SHELL, "--", "sleep 300") as pod:
        pod.until(lambda: is_waited_for(turn.fd), "pod that waits for the firewall")
        uuid = pod.uuid
        joined = "result" in net.info(uuid)[0]
        checked, asked = net("network", "check"), net("network", "check", uuid)
        others = [net("network", "reload"), net("gc")]
        turn.close()
        pod.ready()
        later = net.ok("network", "check")

    assert joined
    assert (checked.status, checked.out, checked.err) == (0, "", "")
    assert f'pod "{uuid}" is not up yet (try again later)' in asked.err
    assert [(done.status, done.out, done.err) for done in others] == [(0, "", "")] * 2
    assert later == f"{uuid} ok\n"


CHECKED = """
case $CNI_COMMAND in
ADD) echo '{{"cniVersion": "1.0.0"}}' ;;
CHECK) touch {turn}/asked; while [ ! -e {turn}/go ]; do sleep 0.05; done; exit 1 ;;
esac
"""


@pytest.mark.parametrize("named", [False, True])
def test_a_pod_that_ends_while_it_is_checked_has_lost_nothing(
    net: Netted, tmp_path: Path, *, named: bool
) -> None:
    net.program("slow", CHECKED.format(turn=tmp_path))
    net.configure("s", cniVersion="1.0.0", type="slow")
    with net.start("run", "--net=s", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        argv = net.argv("network", "check", *([uuid] if named else []))
        check = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until((tmp_path / "asked").exists, "check")
        net.ok("stop", uuid)
        pod.end()
    (tmp_path / "go").touch()
    told, _ = check.communicate(timeout=PATIENCE)

    assert check.returncode == (254 if named else 0)
    assert (f'pod "{uuid}" is in no network now' in told) if named else not told
