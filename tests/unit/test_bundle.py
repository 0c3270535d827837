"""The bundle serves what it was made from, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rktpy import bundle

PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from rktpy import bundle
bundle.install({root!r} + "/rktpy")
from rktpy.room import thing
print(thing.WORD, type(thing.__spec__.loader).__name__, thing.__file__)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that has only the bundle's own code and one module in a room."""
    package = tmp_path / "rktpy"
    (package / "room").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "bundle.py").write_bytes(Path(bundle.__file__).read_bytes())
    (package / "room" / "__init__.py").touch()
    (package / "room" / "thing.py").write_text('WORD = "first"\n')
    return package


def run(package: Path) -> list[str]:
    program = PROGRAM.format(root=os.fspath(package.parent))
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_a_module_comes_from_the_bundle(package: Path) -> None:
    bundle.write(os.fspath(package), os.fspath(package))

    assert run(package) == ["first", "_Finder", os.fspath(package / "room" / "thing.py")]


def test_the_command_that_make_calls_writes_the_same_bundle(package: Path) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    written = Path(bundle.bundle_path(os.fspath(package)))
    expected = written.read_bytes()
    written.unlink()

    command = [sys.executable, "-m", "rktpy.bundle", "rktpy", os.fspath(package)]
    subprocess.run(command, cwd=package.parent, check=True)

    assert written.read_bytes() == expected
    assert run(package)[1] == "_Finder"


def test_a_changed_source_is_imported_instead(package: Path) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    (package / "room" / "thing.py").write_text('WORD = "second"\n')

    assert run(package)[:2] == ["second", "SourceFileLoader"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xe9\x01\x00\x00\x00"])
def test_a_damaged_bundle_is_passed_over(package: Path, content: bytes) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    Path(bundle.bundle_path(os.fspath(package))).write_bytes(content)

    assert run(package)[:2] == ["first", "SourceFileLoader"]


def test_without_a_bundle_everything_works(package: Path) -> None:
    assert run(package)[:2] == ["first", "SourceFileLoader"]
