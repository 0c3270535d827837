"""What files of a layer may give to who runs them: capabilities of files, setuid, setgid.

A filter of system calls that an app without CAP_SYS_ADMIN installs comes with no_new_privs, as in
rkt; such files give nothing then. Images that need them say so: ``--seccomp`` without a filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.docker.pulling import CAPABLE, FORM
from tests.integration.docker.test_servers import HOSTNET, get

if TYPE_CHECKING:
    from tests.integration.docker.pulling import Puller

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("debian")]

OPEN = "--seccomp=mode=retain,@appc.io/all"
USERS = ("--private-users",)
CAPS = "getcap /usr/sbin/nginx /usr/bin/raw-id"


@pytest.mark.parametrize("users", [(), USERS])
def test_capabilities_of_files_reach_the_pod(rkt: Puller, users: tuple[str, ...]) -> None:
    done = rkt.run(*users, CAPABLE, "--exec=/bin/sh", "--", "-c", CAPS)

    assert done.lines() == [
        "/usr/sbin/nginx cap_net_bind_service=ep",
        "/usr/bin/raw-id cap_net_raw=ep",
    ]


def test_a_server_without_root_listens_on_a_low_port(rkt: Puller) -> None:
    with rkt.start("run", HOSTNET, CAPABLE, OPEN) as pod:
        assert pod.until(lambda: get(port=80), "answer of nginx") == (200, b"It works.\n")
        rkt.ok("stop", pod.uuid)
        assert pod.end().status == 0


def test_a_filter_takes_the_capability_away(rkt: Puller) -> None:
    done = rkt.run(HOSTNET, CAPABLE)

    assert done.status == 1
    assert any("bind() to 127.0.0.1:80 failed" in line for line in done.lines()), done


def test_a_program_that_may_not_have_its_capabilities_is_not_run(rkt: Puller) -> None:
    done = rkt.run(HOSTNET, CAPABLE, OPEN, "--caps-remove=CAP_NET_BIND_SERVICE")

    # The kernel refuses what asks for more than the bounding set; no file is missing.
    assert (done.status, done.lines()) == (203, [])


@pytest.mark.parametrize("users", [(), USERS])
def test_a_setuid_program_runs_as_its_owner(rkt: Puller, users: tuple[str, ...]) -> None:
    words = ("--exec=/usr/bin/id-of-root", "--", "-un")

    assert rkt.run(*users, CAPABLE, OPEN, *words).lines() == ["root"]
    assert rkt.run(*users, CAPABLE, *words).lines() == ["www-data"]


@pytest.mark.usefixtures("forms")
@pytest.mark.parametrize("users", [(), USERS])
def test_a_capability_of_a_file_takes_effect(rkt: Puller, users: tuple[str, ...]) -> None:
    def effective(*options: str) -> str:
        words = ("--exec=/bin/raw", *options, "--", "--print-caps-pid=0")
        lines = rkt.run(*users, f"{FORM}:docker", *words).lines()
        (line,) = [line for line in lines if "effective" in line]
        return line.partition("effective: ")[2].partition(" (")[0]

    assert effective(OPEN) == "net_raw"
    assert effective() == ""
