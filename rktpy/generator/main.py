"""The program that systemd runs at boot and daemon-reload: ``rktpy-generator NORMAL EARLY LATE``.

systemd waits for it, so it imports nothing that takes time. It exits with 0 unless it could not
work at all: a broken pod must not look like a broken host.
"""

from __future__ import annotations

import os

from rktpy.generator import disk, telling
from rktpy.generator.pods import generate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.file.ini import Problem


def main(argv: Sequence[str], *, program: str, sources: Sequence[str] = disk.SOURCES) -> int:
    """Write the units of this host's pods into ``argv[0]``; tell problems to the journal.

    ``program`` is the absolute path of rktpy.
    """
    if not argv:
        os.write(2, b"rktpy-generator: no output directory given; it is run by systemd\n")
        return 1
    problems: list[Problem] = disk.strangers(sources)
    files = disk.collect(sources, problems)
    if files:  # most hosts have none, and then nobody waits for more
        generated = generate(files, program=program, taken=disk.units_of_host(disk.UNITS))
        problems += generated.problems
        disk.write(argv[0], generated, problems)
    telling.tell(problems)
    return 0
