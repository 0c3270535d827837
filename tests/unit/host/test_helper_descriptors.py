"""What a helper process can still reach of what its parent had open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rktpy.host.helper import Answer, Helper

if TYPE_CHECKING:
    from pathlib import Path


def test_a_helper_holds_what_it_was_given_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(b"given")
    given = os.open(tmp_path / "given", os.O_RDONLY)
    other, far = os.pipe()
    os.dup2(far, 900)

    def work() -> Answer:
        held = {int(name) for name in os.listdir("/proc/self/fd")}
        names = [os.readlink(f"/proc/self/fd/{fd}") for fd in held - {0, 1, 2} if _is_open(fd)]
        return Answer(tuple(names), {}, os.read(given, 9))

    answer = Helper(work, only=(given,)).wait()
    for fd in (given, other, far, 900):
        os.close(fd)

    assert answer.data == b"given"
    ours = [name for name in answer.warnings if not name.startswith("pipe:")]
    assert (len(answer.warnings), ours) == (2, [str(tmp_path / "given")])


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
