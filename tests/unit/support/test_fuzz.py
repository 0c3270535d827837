"""Inputs that once showed something, and the judge who says that an input does."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest

from rktpy.errors import RktError
from tests.fuzz import mutate, mutate_tar
from tests.fuzz.judge import Judge
from tests.fuzz.target import Target, load, names
from tests.fuzz.tars import sample_tars

CRASHES = Path(mutate.__file__).parent / "crashes"


@pytest.mark.parametrize("path", sorted(CRASHES.iterdir()), ids=lambda path: path.name)
def test_what_once_was_found_is_not_found_again(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = path.name.partition("-")[0]
    judge = Judge(name, load(name))

    judge.run(path.read_bytes())

    assert judge.findings == []


def test_every_input_that_was_kept_belongs_to_a_target() -> None:
    assert {path.name.partition("-")[0] for path in CRASHES.iterdir()} <= set(names())


class _Panic(BaseException):
    """As Rust's: no ``Exception``."""


def _panic(data: bytes) -> NoReturn:
    raise _Panic(data)


def _refuse(data: bytes) -> NoReturn:
    raise RktError("no\x1b[2Jthing " + "x" * len(data))


def _grow(data: bytes) -> None:
    assert len(b"\1" * (len(data) << 20)) > 0


def _judged(run: object, *inputs: bytes, folder: int = -1, **limits: int) -> Judge:
    judge = Judge("here", Target(run, list, **limits), folder)  # type: ignore[arg-type]
    for data in inputs:
        judge.run(data)
    return judge


def test_an_error_for_the_user_is_what_a_target_may_raise() -> None:
    assert _judged(_refuse, b"", b"x" * 100_000).findings == []


def test_a_panic_is_found_once_and_its_input_kept(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    judge = _judged(_panic, b"first", b"second", folder=folder)
    os.close(folder)

    (finding,) = judge.findings
    assert finding.kind.startswith("_Panic@")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [
        (finding.name("here"), b"first")
    ]


def test_an_input_that_takes_too_much_memory_is_found() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10  # of all tests before, in MiB
    judge = _judged(_grow, b"x", b"x" * (peak + 16), memory=1 << 20)

    assert {finding.kind for finding in judge.findings} == {"memory"}


def test_an_input_that_takes_too_long_is_found() -> None:
    judge = Judge("here", Target(lambda _: sum(range(1000)), list), seconds=0.0)
    judge.run(b"")

    assert [finding.kind for finding in judge.findings] == ["slow"]


def test_the_same_number_gives_the_same_input() -> None:
    data, change = json.dumps({"a": [1, {"b": "c"}]}).encode(), mutate.structured(("a", "b"))

    for number in range(50):
        assert change(data, Random(number)) == change(data, Random(number))
    assert len({change(data, Random(number)) for number in range(50)}) > 25


def test_changed_archives_have_right_checksums_most_of_the_time() -> None:
    def is_right(header: bytearray) -> bool:
        fixed = bytearray(header)
        mutate_tar.fix(fixed)
        return fixed == header

    changed = [mutate_tar.change(sample_tars()[0], Random(number)) for number in range(30)]
    headers = [header for data in changed for header, _ in mutate_tar.split(data)[0]]

    assert sum(map(is_right, headers)) > 0.8 * len(headers)
