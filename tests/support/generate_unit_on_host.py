"""``generate unit`` on a booted host: the unit of a running pod does what the pod did."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tests.support.pods_on_host import RKTPY, SHELL, shell

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

# Where the file of each form belongs.
FILES = {"service": "/etc/systemd/system/shop.service", "pod": "/etc/rktpy/shop.pod"}
_SCRIPT = 'echo "$GREETING 100% \\"done\\""; cat /data/file; exec sleep 1000'
_OPTIONS = (
    "--pod-name=shop", "--net=none", "--pod-label=team=50% $HOME",
    "--volume=data,kind=host,source=/srv/shop data,readOnly=true", "--hostname=shop",
)  # fmt: skip
_OF_APP = (
    "--name=first", "--mount=volume=data,target=/data", "--memory=64M", "--caps-retain=CAP_CHOWN",
    "--environment=GREETING=a 'b' $c %d\ttab", "--annotation=example.com/note=x=y",
    "--user-label=l=1", "--user=1000", "--group=1000",
)  # fmt: skip
_CLEAN = """\
systemctl stop shop.service || :
rm -f /etc/systemd/system/shop.service /etc/rktpy/shop.pod
systemctl daemon-reload
rm -rf "/srv/shop data"
"""


def check_the_unit_of_a_running_pod_runs_the_same(pods: Pods, form: str = "service") -> None:
    """Run a pod, make a unit of it, start that: it takes the pod's place with an equal manifest and
    the same output.

    ``form`` is a word of ``--format``.
    """
    file = FILES[form]
    host = pods.host
    pods.stock(shell)
    host.sh('mkdir "/srv/shop data"; echo goods >"/srv/shop data/file"')
    argv = [RKTPY, "--insecure-options=image", "run", *_OPTIONS, SHELL, *_OF_APP, "--", _SCRIPT]
    try:
        first = pods.from_shell(argv)
        before = _manifest(pods)
        host.sh('mkdir -p "$1"', os.path.dirname(file))
        said = host.run(
            [
                RKTPY,
                "generate",
                "unit",
                f"--format={form}",
                f"--output={os.path.dirname(file)}",
                "shop",
            ]
        )
        assert said.stdout == f"{file}\n"
        assert f"pod {first.uuid} runs; the unit stops and replaces it" in said.stderr
        host.run(["systemctl", "daemon-reload"])
        unit = pods.properties("shop.service", "FragmentPath")["FragmentPath"]
        verdict = host.run(["systemd-analyze", "verify", unit])
        assert "shop" not in verdict.stderr, verdict.stderr

        host.run(["systemctl", "start", "shop.service"])

        assert first.uuid not in pods.rktpy("list", "--full")
        after = _manifest(pods)
        assert after == before
        assert after["apps"][0]["image"]["id"] in host.read(file)
        host.wait_until("rktpy logs shop | grep -q goods", timeout=60)
        assert "a 'b' $c %d\ttab 100% \"done\"" in host.run([RKTPY, "logs", "shop"]).stdout
    finally:
        host.sh(_CLEAN)


def _manifest(pods: Pods) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(pods.rktpy("cat-manifest", "shop"))
    return manifest
