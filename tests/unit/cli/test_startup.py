"""The start-up rule: what a well-formed call may not import (docs/adr/0002-start-up.md)."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import bare

# Each costs more than all of our own modules on this path, or pulls one that does.
HEAVY = frozenset(
    [
        *("click", "gi", "pydbus", "pyroute2", "ssl", "grpc", "rich", "jeepney", "cgroupspy"),
        *("dataclasses", "typing", "enum", "re", "json", "logging", "pathlib", "subprocess"),
        *("inspect", "tempfile", "shutil", "hashlib", "datetime", "uuid", "signal", "argparse"),
        *("collections", "functools", "sqlite3", "traceback", "urllib", "socket", "selectors"),
    ]
)

_SHOW = "sys.stdout.flush(); print('MODULES', *sorted(sys.modules))"


def imported(*words: str) -> set[str]:
    output = bare(*words, after=_SHOW).stdout
    return set(output.rpartition("MODULES ")[2].split())


@pytest.mark.parametrize(
    "words",
    [
        ("version",),
        ("list",),
        ("list", "--full", "--no-legend"),
        ("status", "0f746094-3438-42bc-ab37-3cf85f132e60"),
        ("stop", "0f746094-3438-42bc-ab37-3cf85f132e60"),
        ("rm", "0f746094-3438-42bc-ab37-3cf85f132e60"),
        ("gc", "--grace-period=1m"),
    ],
)
def test_a_well_formed_call_imports_nothing_heavy(words: tuple[str, ...], tmp_path: object) -> None:
    roots = [f"--{which}-config={tmp_path}" for which in ("system", "local", "user")]

    modules = imported(f"--dir={tmp_path}", *roots, *words)

    assert "rktpy.cli.walk" in modules
    assert modules & HEAVY == set()


@pytest.mark.parametrize("module", ["run", "prepare", "run_prepared", "enter"])
def test_a_command_that_starts_something_imports_nothing_heavy(module: str) -> None:
    load = f"import rktpy.cli.commands.{module}\n"

    modules = set(bare("version", after=load + _SHOW).stdout.rpartition("MODULES ")[2].split())

    assert f"rktpy.cli.commands.{module}" in modules
    assert modules & HEAVY == set()


def test_version_reads_few_of_our_own_modules() -> None:
    ours = {name for name in imported("version") if name.startswith("rktpy")}

    assert len(ours) <= 22, sorted(ours)
    assert "rktpy.codec" not in ours
    assert "rktpy.cli.tables.running" not in ours


def test_help_may_import_click() -> None:
    assert "click" in imported("list", "--help")
