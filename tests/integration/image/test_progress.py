"""What is seen of downloads: on a terminal, off it, when it goes wrong."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pyte.modes
import pytest

from tests.integration.image.display import Display
from tests.support.dam import Dam
from tests.support.inspect_image import inspect_aci
from tests.support.layouts import Layout
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

PLAIN = "--insecure-options=image,http"
NAME = "docker://127.0.0.1:5001/some/app:1.0"
SIZE = 2 << 20  # bytes of a layer


@pytest.fixture
def dam(_own_namespaces: None, tmp_path: Path) -> Iterator[Dam]:
    """A registry with an image of two large layers, which stops in the middle of each."""
    layout = Layout(tmp_path / "layout")
    layout.image({"a": os.urandom(SIZE)}, {"b": os.urandom(SIZE)}, tag="t", compress=False)
    with Registry(tmp_path) as registry:
        registry.push(f"oci:{layout.path}:t", "some/app:1.0")
        registry.push(f"oci:{layout.path}:t", "some/app:again")
        with Dam(5001, 5000, passes=SIZE // 2, each=True) as dam:
            yield dam


def _fetch(rkt: Fetcher, *options: str, **how: int) -> Display:
    return Display(rkt.argv(PLAIN, "fetch", *options, NAME), rkt.environment, **how)  # type: ignore[arg-type]


def _is_under_way(lines: list[str]) -> bool:
    return sum("downloading" in line for line in lines) == 2 and "total" in lines[-1]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_layers_are_shown_while_they_arrive(rkt: Fetcher, dam: Dam, columns: int) -> None:
    with _fetch(rkt, columns=columns) as display:
        lines = display.until(_is_under_way)
        assert lines[0].startswith("Downloading ")
        assert len(lines) == 4
        assert max(map(len, lines)) < columns
        assert "0 of 2 done" in lines[-1]
        assert ("━" in lines[-1]) == (columns > 40)

        dam.open()
        status, lines = display.end()
        key = display.output()

    assert status == 0
    assert [line.split()[-1] for line in lines[1:3]] == ["verified", "verified"]
    assert lines[-1].endswith("2 of 2 done")
    assert len(lines) == 4
    assert key.startswith("sha512-")
    assert key.count("\n") == 1
    assert not display.screen.cursor.hidden


def test_of_many_layers_those_that_move_are_shown(rkt: Fetcher, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    layout.image(*({f"{number}": os.urandom(2000)} for number in range(127)), tag="t")
    with Registry(tmp_path) as registry, Dam(5001, 5000, passes=200_000) as dam:
        registry.push(f"oci:{layout.path}:t", "some/app:1.0")
        with _fetch(rkt, lines=10) as display:
            # The total is drawn last: what was read from the terminal may end before it.
            lines = display.until(
                lambda lines: (
                    "downloading" in "".join(lines[1:]) and lines[-1].endswith("of 127 done")
                )
            )
            assert len(lines) <= 9
            dam.open()
            status, lines = display.end()

    assert status == 0
    assert [line.split()[0] for line in lines] == ["Downloading", "total"]
    assert lines[-1].endswith("127 of 127 done")


def test_another_size_of_the_window_leaves_nothing_behind(rkt: Fetcher, dam: Dam) -> None:
    with _fetch(rkt, columns=100) as display:
        display.until(_is_under_way)
        for columns in (30, 60, 120):
            display.resize(columns, 24)
            display.until(lambda lines, width=columns: _is_drawn_for(lines, width))  # type: ignore[misc]
        dam.open()
        status, lines = display.end()

    assert (status, len(lines)) == (0, 4)


def _is_drawn_for(lines: list[str], columns: int) -> bool:
    """Whether the picture fills this width: percents, sizes, or the time that is left."""
    last = lines[-1]
    seen = (last.endswith("%"), last.endswith("done") and "/" in last and "━" not in last)
    return len(lines) == 4 and seen == (columns == 30, columns == 60)


def test_quiet_leaves_stderr_to_warnings(rkt: Fetcher, dam: Dam) -> None:
    dam.open()
    with _fetch(rkt, "--quiet") as display:
        status, lines = display.end()
        assert display.output().startswith("sha512-")

    assert (status, lines, display.seen) == (0, [], b"")
    assert rkt(PLAIN, "fetch", "--quiet", NAME.replace("1.0", "again")).err == ""


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_terminal_that_cannot_draw_gets_lines(
    rkt: Fetcher, dam: Dam, env: dict[str, str]
) -> None:
    dam.open()
    with Display(rkt.argv(PLAIN, "fetch", NAME), {**rkt.environment, **env}) as display:
        status, lines = display.end()

    assert status == 0
    assert b"\x1b" not in display.seen
    assert [line.split(": ")[1] for line in lines] == ["2.0MiB / 2.0MiB, verified"] * 2


def test_off_a_terminal_there_is_a_line_for_each_layer(rkt: Fetcher, dam: Dam) -> None:
    dam.open()

    done = rkt(PLAIN, "fetch", NAME, env={"TERM": "xterm"})

    assert done.status == 0
    lines = done.err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["2.0MiB / 2.0MiB, verified"] * 2


@pytest.fixture
def slow_url(rkt: Fetcher, server: Server, keys: Keys, tmp_path: Path) -> Iterator[tuple[Dam, str]]:
    """A signed image of a trusted key at a URL that stops in the middle of it."""
    image = inspect_aci(
        tmp_path / "app.aci", "--print-msg=Hello", name="example.com/app", isolators=()
    )
    server.put("/dir/app.aci", image)
    server.put("/dir/app.aci.asc", keys.sign("key1", image))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    with Dam(444, 443, passes=image.stat().st_size // 2) as dam:
        yield dam, "https://example.com:444/dir/app.aci"


def _has_begun(lines: list[str]) -> bool:
    return len(lines) >= 3 and lines[2].startswith("ACI ")


def test_an_interrupt_leaves_the_last_state_and_a_clean_line(
    rkt: Fetcher, slow_url: tuple[Dam, str]
) -> None:
    with Display(rkt.argv("fetch", slow_url[1]), rkt.environment) as display:
        display.until(_has_begun)
        display.type(b"\x03")
        status, lines = display.end()

    assert status == -signal.SIGINT
    assert len(lines) == 3
    assert lines[2].startswith("ACI ")
    assert (display.screen.cursor.x, display.screen.cursor.y) == (0, 3)
    assert not display.screen.cursor.hidden


def test_killed_it_leaves_the_terminal_usable(rkt: Fetcher, slow_url: tuple[Dam, str]) -> None:
    with Display(rkt.argv("fetch", slow_url[1]), rkt.environment) as display:
        display.until(_has_begun)
        display.process.kill()
        display.end()

    assert (display.screen.cursor.x, display.screen.cursor.hidden) == (0, False)
    assert pyte.modes.DECAWM in display.screen.mode


def test_a_failure_comes_after_the_last_state(rkt: Fetcher, dam: Dam) -> None:
    with _fetch(rkt) as display:
        display.until(_is_under_way)
        dam.refuse()
        dam.break_off()
        status, lines = display.end()

    assert status == 254
    where = next(at for at, line in enumerate(lines) if line.startswith("total "))
    assert "downloading" in lines[where - 1]
    assert f'fetch: cannot fetch image "{NAME}"' in "".join(lines[where + 1 :])


def test_warnings_go_above_the_display(rkt: Fetcher, dam: Dam) -> None:
    with _fetch(rkt) as display:
        display.until(_is_under_way)
        dam.break_off()
        dam.open()
        status, lines = display.end()

    assert status == 0
    warnings = [at for at, line in enumerate(lines) if line.endswith("going on")]
    title = next(at for at, line in enumerate(lines) if line.startswith("Downloading "))
    assert warnings
    assert max(warnings) < title
    assert [line.split()[-1] for line in lines[title + 1 : title + 3]] == ["verified"] * 2


def test_an_image_file_is_shown_with_its_signature(rkt: Fetcher, slow_url: tuple[Dam, str]) -> None:
    dam, url = slow_url
    with Display(rkt.argv("fetch", url), rkt.environment) as display:
        title, first, second = display.until(_has_begun)
        assert title == f"Downloading {url}"
        assert first.split()[0::2] == ["signature", "arrived"]
        assert "downloading" in second
        dam.open()
        status, lines = display.end()

    assert status == 0
    assert lines[-1].split()[-1] == "stored"


def test_a_key_is_shown_like_an_image(rkt: Fetcher, server: Server, keys: Keys) -> None:
    server.put("/key.gpg", keys.file("key1"))

    url = "https://example.com/key.gpg"
    done = rkt("trust", "--root", "--skip-fingerprint-review", url)

    size = keys.file("key1").stat().st_size
    assert done.err.startswith(f"Downloading key: {size}B, arrived\n")
    assert "Downloading" not in done.out


def test_a_pod_has_the_terminal_to_itself(rkt: Fetcher, slow_url: tuple[Dam, str]) -> None:
    dam, url = slow_url
    words = rkt.argv("run", "--net=none", url)
    with Display(words, rkt.environment, columns=200, whole=True) as display:
        display.until(_has_begun)
        dam.open()
        status, lines = display.end()

    assert status == 0
    assert "Hello" in "".join(lines)
    assert not [line for line in lines if "ACI" in line or "Downloading" in line]
    assert rkt.collect().status == 0


def test_a_run_that_fails_shows_how_far_it_came(rkt: Fetcher, slow_url: tuple[Dam, str]) -> None:
    dam, url = slow_url
    with Display(rkt.argv("run", "--net=none", url), rkt.environment, whole=True) as display:
        display.until(_has_begun)
        dam.refuse()
        dam.break_off()
        status, lines = display.end()

    assert status == 254
    assert any(line.startswith("ACI ") for line in lines)
    assert lines[-1].startswith("run: ") or lines[-2].startswith("run: ")
