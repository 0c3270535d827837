"""nginx whose logs are links to /dev/stdout and /dev/stderr, as in docker's own image."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.docker.pulling import LINKED
from tests.integration.docker.test_servers import HOSTNET, get

if TYPE_CHECKING:
    from tests.integration.docker.pulling import Puller

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("debian")]

# What nginx must be able to write to.
_TMP = ("--volume=tmp,kind=empty,mode=1777", "--mount=volume=tmp,target=/tmp")
_STATE = ("--volume=state,kind=empty,mode=0777", "--mount=volume=state,target=/var/lib/nginx")


@pytest.mark.parametrize(
    ("pod", "app"),
    [
        ((), ()),
        ((), ("--user=www-data", "--group=www-data")),
        (("--private-users",), ()),
        (("--private-users",), ("--user=www-data", "--group=www-data")),
        ((*_TMP, *_STATE), ("--readonly-rootfs=true",)),
    ],
)
def test_what_it_logs_is_its_output(
    rkt: Puller, pod: tuple[str, ...], app: tuple[str, ...]
) -> None:
    with rkt.start("run", HOSTNET, *pod, LINKED, "--name=www", *app) as running:
        answer = running.until(lambda: get("/?once"), "answer of nginx")
        missing = get("/nothing-there")
        rkt.ok("stop", running.uuid)
        done = running.end()
        lines = rkt.ok("logs", "--app=www", running.uuid).splitlines()

    assert answer == (200, b"It works.\n")
    assert missing is not None
    assert missing[0] == 404
    assert done.status == 0
    for said in (done.lines("www"), lines):
        assert [line for line in said if '"GET /?once HTTP/1.1" 200' in line], said
        assert [line for line in said if "[notice]" in line], said
        assert [line for line in said if "/nothing-there" in line and " 404 " in line], said


def test_journalctl_has_its_lines_under_its_name(rkt: Puller) -> None:
    with rkt.start("run", HOSTNET, LINKED, "--name=www") as running:
        running.until(lambda: get("/?once"), "answer of nginx")
        rkt.ok("stop", running.uuid)
        running.end()
        (journal,) = rkt.data.glob(f"pods/run/{running.uuid}/overlay/*/upper/var/log/journal/*")
    argv = ["journalctl", "-q", "-D", str(journal), "-u", "www", "-o", "json"]
    found = subprocess.run(argv, capture_output=True, check=True).stdout.splitlines()
    lines = [json.loads(line) for line in found]

    assert {line["SYSLOG_IDENTIFIER"] for line in lines} == {"www"}
    assert [line for line in lines if "GET /?once" in line["MESSAGE"]]
