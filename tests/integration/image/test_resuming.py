"""Downloads that were cut off, killed, or done twice at once."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import PATH, SIGNATURE
from tests.integration.run.rk import until
from tests.support import command
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration


def _cut_and_killed(rkt: Fetcher, server: Server, url: str, kept: int) -> None:
    """Leave ``kept`` bytes of ``url`` behind, as a fetch does that is killed."""
    server.rule(PATH, cut=kept, hangs=True)
    process = subprocess.Popen(
        rkt.argv("fetch", url), env=os.environ | rkt.environment, stderr=subprocess.DEVNULL
    )

    def arrived() -> bool:
        bodies = list((rkt.data / "cas/download").glob("*/body"))
        return [body.stat().st_size for body in bodies] == [kept]

    until(arrived, "part of the image")
    process.kill()
    process.wait()
    server.forget()


def test_a_download_goes_on_where_a_killed_one_ended(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"

    (request,) = server.requests(PATH)
    assert request["headers"]["range"] == "bytes=99999-"
    assert request["status"] == 206
    assert rkt.partials() == []


@pytest.mark.parametrize("ranges", ["no", "blind", "yes"])
def test_parts_of_two_versions_are_never_glued_together(
    rkt: Fetcher, url: str, server: Server, keys: Keys, tmp_path: Path, ranges: str
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    other = build_aci(tmp_path / "other.aci", files={"/data": os.urandom(400_000)})
    server.put(PATH, other, ranges=ranges)
    server.put(SIGNATURE, keys.sign("key1", other))

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(other) + "\n"
    assert rkt.partials() == []


def test_a_server_without_ranges_sends_it_all_again(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    server.rule(PATH, ranges="no")

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(aci) + "\n"
    assert "cannot use cached partial download, range request unsupported." in done.err


def test_a_part_without_validator_or_of_another_boot_is_not_used(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    (validator,) = (rkt.data / "cas/download").glob("*/validator")
    said = json.loads(validator.read_text())
    validator.write_text(json.dumps(said | {"boot": "another"}))
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"
    assert "range" not in server.requests(PATH)[0]["headers"]


def test_a_complete_part_needs_one_byte(rkt: Fetcher, url: str, server: Server, aci: Path) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    (body,) = (rkt.data / "cas/download").glob("*/body")
    body.write_bytes(aci.read_bytes())
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"
    (request,) = server.requests(PATH)
    assert request["headers"]["range"] == f"bytes={aci.stat().st_size - 1}-"


def test_a_part_longer_than_the_file_begins_anew(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    (body,) = (rkt.data / "cas/download").glob("*/body")
    body.write_bytes(aci.read_bytes() + bytes(100))
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"


def test_a_connection_that_breaks_is_taken_up_again(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    server.rule(PATH, cut=100_000, cuts=2)

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(aci) + "\n"
    assert "example.com closed the connection too early, going on" in done.err
    assert len(server.requests(PATH)) == 3


def test_leftovers_go_with_image_gc_when_they_are_old(
    rkt: Fetcher, url: str, server: Server
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)

    rkt.ok("image", "gc")
    assert len(rkt.partials()) == 3
    rkt.ok("image", "gc", "--grace-period=0s")
    assert rkt.partials() == []


def test_two_at_once_download_once(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"}, slow=0.5)
    both = [
        subprocess.Popen(
            rkt.argv("fetch", url),
            env=os.environ | rkt.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ends = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert rkt.partials() == []


@pytest.mark.parametrize("room", ["200k", "520k"])
def test_a_full_disk_is_told_and_the_next_fetch_works(
    rkt: Fetcher, url: str, aci: Path, room: str
) -> None:
    rkt.data.mkdir(parents=True)
    command.run(["mount", "-t", "tmpfs", "-o", f"size={room},mode=755", "tmpfs", str(rkt.data)])
    try:
        full = rkt("fetch", url)
        command.run(["mount", "-o", "remount,size=16m", str(rkt.data)])
        again = rkt("fetch", "--full", url)
        left = rkt.partials()
    finally:
        command.run(["umount", str(rkt.data)])

    assert (full.status, "no space left on device" in full.err.lower()) == (254, True), full.err
    assert (again.out, left) == (image_key(aci) + "\n", [])
