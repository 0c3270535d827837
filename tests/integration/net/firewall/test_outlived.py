"""A program that makes rules outlives who started it: who takes the rules away waits for it."""

from __future__ import annotations

import multiprocessing
import os
import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.host.process import DEFAULT_PATH, find_program
from rktpy.net.rules import Masquerade, Rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkProcess

    from tests.integration.net.firewall.conftest import Firewall
    from tests.support.wires import Wires

POD = "6b1c2d3e-0000-4000-8000-000000000001"
RULES = Rules((Masquerade("172.16.28.2/24", "net"),))
FORK = multiprocessing.get_context("fork")


def hold_up(directory: Path, name: str) -> None:
    """Make the first call of ``name`` say its PID, and go on when it is told to."""
    real = find_program(name, DEFAULT_PATH)
    assert real is not None
    program = directory / name
    program.unlink(missing_ok=True)
    program.write_text(
        f"#!/bin/sh\nif mkdir {directory}/called 2>/dev/null\nthen echo $$ >{directory}/started;"
        f' read go <{directory}/gate; fi\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    for fifo in ("started", "gate"):
        os.mkfifo(directory / fifo)


def begin(work: Callable[..., None], *args: object) -> ForkProcess:
    process = FORK.Process(target=work, args=args)
    process.start()
    return process


def waits_for_a_lock(pid: int) -> bool:
    lines = Path("/proc/locks").read_text().splitlines()
    return any(" -> FLOCK " in line and f" {pid} " in line for line in lines)


def rules() -> list[str]:
    found = []
    for argv in (["iptables-save"], ["nft", "list", "tables"]):
        text = subprocess.check_output(argv, text=True)
        found += [line for line in text.splitlines() if POD in line]
    return found


def test_rules_that_come_late_do_not_stay(wires: Wires, iptables: Firewall, tmp_path: Path) -> None:
    del wires
    hold_up(tmp_path, "iptables-restore")
    first = begin(iptables.apply, POD, RULES)
    late = os.pidfd_open(int((tmp_path / "started").read_text()))
    first.kill()
    first.join()
    second = begin(iptables.remove, POD)
    while second.is_alive() and not waits_for_a_lock(second.pid or 0):
        time.sleep(0.01)
    (tmp_path / "gate").write_text("go\n")
    second.join()
    select.select([late], [], [])
    os.close(late)

    assert (second.exitcode, rules()) == (0, [])
