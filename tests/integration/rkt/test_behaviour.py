"""rktpy does what rkt's functional tests assert: the cases of tests/conformance/rkt, really run."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.rktpy_side import launcher
from tests.conformance.rkt import inside, keeping, starting
from tests.support.images import image_manifest
from tests.support.inspect_image import ISOLATORS, inspect_aci

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conformance.rkt.case import Case, Image

CASES = (*starting.cases(), *inside.cases(), *keeping.cases())
_SECONDS = 60
_ENV_FILE = "# comment\nVAR_OTHER=file\n; comment\nVAR_2=2\n"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for all cases: only the first run has to make stage1."""
    return tmp_path_factory.mktemp("rkt")


@pytest.fixture
def data(everything: Path) -> Iterator[Path]:
    """The data directory, collected after each case as rkt's harness did."""
    yield everything
    collected = _rktpy(everything, ("gc", "--grace-period=0s", "--expire-prepared=0s"))
    assert collected.returncode == 0, collected.stdout


def _with_gap(case: Case) -> object:
    # Not strict: some hosts have what this one lacks.
    marks = [pytest.mark.xfail(reason=case.gap)] if case.gap else []
    return pytest.param(case, marks=marks, id=case.id)


@pytest.mark.parametrize("case", [_with_gap(case) for case in CASES])
def test_rktpy_does_what_rkt_did(tmp_path: Path, data: Path, case: Case) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "file").write_text("host")
    env_file = tmp_path / "env"
    env_file.write_text(_ENV_FILE)
    places = {"host": str(host), "env_file": str(env_file)} | {
        place: str(_build(tmp_path / f"{place}.aci", image))
        for place, image in zip(("image", "second", "third"), case.images, strict=False)
    }
    command = tuple(_filled(word, places) for word in case.command)
    result = _rktpy(data, command, env=dict(case.env), stdin=case.stdin)
    output = result.stdout.decode(errors="replace")
    assert re.search(case.expect, output), output
    assert not case.refuse or not re.search(case.refuse, output), output
    assert case.status is None or result.returncode == case.status, output
    assert not case.stored or (host / "file").read_text() == case.stored


def _filled(word: str, places: dict[str, str]) -> str:
    """Put paths for ``{places}``; other braces are left as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: places[match[1]], word)


def _build(path: Path, image: Image) -> Path:
    manifest = dict(image.manifest)
    options: dict[str, Any] = {}
    if "labels" in manifest:
        options["labels"] = {item["name"]: item["value"] for item in manifest["labels"]}
    if "app" in manifest:
        options["manifest"] = image_manifest(image.name, exec=None)
    isolators = () if "isolators" in image.app else ISOLATORS
    return inspect_aci(
        path,
        *image.arguments,
        name=image.name,
        app=dict(image.app),
        isolators=isolators,
        **options,
    )


def _rktpy(
    data: Path, command: tuple[str, ...], *, env: dict[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run rktpy as rkt's harness did: four directories of its own, output merged."""
    none = data / "none"
    dirs = [f"--{name}={none}" for name in ("local-config", "system-config", "user-config")]
    return subprocess.run(
        [*launcher(), f"--dir={data}", *dirs, *command],
        env={"PATH": os.environ["PATH"], **(env or {})},
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_SECONDS,
        check=False,
    )
