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
{before}
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


def run(package: Path, before: str = "") -> list[str]:
    program = PROGRAM.format(root=os.fspath(package.parent), before=before)
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


# What children of rktpy do, which keep nothing of it: then another file may have the number.
CLOSE = "import os; os.closerange(3, 64)"
OPEN = f"{CLOSE}; [os.open({{path!r}}, os.O_RDONLY) for _ in range(64)]"


@pytest.mark.parametrize("before", [CLOSE, OPEN], ids=["closed", "another file"])
def test_a_process_that_has_closed_the_bundle_imports_the_ordinary_way(
    package: Path, tmp_path: Path, before: str
) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    other = tmp_path / "other"
    other.write_bytes(b"x" * 1_000_000)

    assert run(package, before.format(path=os.fspath(other)))[:2] == ["first", "SourceFileLoader"]


def test_a_bundle_in_use_is_not_mixed_with_one_that_is_installed_meanwhile(package: Path) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    path = bundle.bundle_path(os.fspath(package))
    install = (
        f"import os; open('{path}.new', 'wb').write(b'x' * 1000); os.rename('{path}.new', '{path}')"
    )

    assert run(package, install)[:2] == ["first", "_Finder"]


@pytest.mark.parametrize("length", [0, 20])
def test_a_bundle_that_was_cut_in_place_is_passed_over(package: Path, length: int) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    path = bundle.bundle_path(os.fspath(package))

    cut = f"import os; os.truncate('{path}', os.path.getsize('{path}') * {length} // 100)"

    assert run(package, cut)[:2] == ["first", "SourceFileLoader"]


@pytest.mark.parametrize("stream", [0, 1, 2])
def test_a_standard_stream_that_is_closed_stays_so(package: Path, stream: int) -> None:
    bundle.write(os.fspath(package), os.fspath(package))
    install = PROGRAM.format(root=os.fspath(package.parent), before="").splitlines()
    program = [
        "import os", f"os.close({stream})", *install[1:-2], "from rktpy.room import thing",
        f"bound = os.path.exists('/proc/self/fd/{stream}')",
        "os._exit(bound + 2 * (type(thing.__spec__.loader).__name__ != '_Finder'))",
    ]  # fmt: skip

    assert subprocess.run([sys.executable, "-I", "-c", "\n".join(program)]).returncode == 0


def test_without_a_bundle_everything_works(package: Path) -> None:
    assert run(package)[:2] == ["first", "SourceFileLoader"]
