"""Images that ask for far too much of something: the pod runs, or one line says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.images import shell_aci
from tests.integration.run.test_bad_input import check_refusal
from tests.support import archive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

NAME = "example.com/sizes"


def _aci(path: Path, app: dict[str, Any] | None = None, **rest: Any) -> Path:
    return shell_aci(path / "sizes.aci", NAME, app=app, **rest)


def test_a_hundred_thousand_variables_are_refused_or_reach_the_app(
    rkt: Rktpy, tmp_path: Path
) -> None:
    variables = [{"name": f"V{number}", "value": "x" * 10} for number in range(100_000)]

    done = rkt.run(_aci(tmp_path, {"environment": variables}), "--", "echo $V99999; exit 7")

    assert done.status == 254 or (done.status, done.lines()) == (7, ["x" * 10]), done
    assert "internal error" not in done.err


def test_ten_thousand_mount_points_are_refused(rkt: Rktpy, tmp_path: Path) -> None:
    points = [{"name": f"m{number}", "path": f"/m/{number}"} for number in range(10_000)]

    done = rkt.run(_aci(tmp_path, {"mountPoints": points}))

    check_refusal(done, "10000 mounts, 2000 are possible", "run")
    assert rkt.pods() == []


def test_an_annotation_of_a_mebibyte_is_carried_along(rkt: Rktpy, tmp_path: Path) -> None:
    aci = _aci(tmp_path, annotations={"comment": "x" * (1 << 20)})

    assert rkt.run(aci, "--", "exit 7").status == 7


@pytest.mark.parametrize("file", ["/etc/passwd", "/etc/group"])
def test_accounts_of_a_gibibyte_are_not_read(rkt: Rktpy, tmp_path: Path, file: str) -> None:
    hole = tmp_path / "hole"
    hole.touch()
    with hole.open("rb+") as out:
        out.truncate(1 << 30)
    aci = shell_aci(
        tmp_path / "big.aci",
        NAME,
        files={"/bin/busybox": archive.file(b"#!", 0o755), file: hole},
        compression="gzip",
        level=1,
    )

    option = "--user=somebody" if file == "/etc/passwd" else "--group=somebody"
    done = rkt.run(aci, option)

    check_refusal(done, "unable to determine app's uid and gid", "run")


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nb", "../a", "a/b", "a" * 300])
def test_names_of_apps_are_names(rkt: Rktpy, name: str) -> None:
    done = rkt.run("example.com/shell", f"--name={name}", "--", "exit 7")

    assert done.status == 254, done
    assert "\x1b" not in done.err
    assert rkt.pods() == []
