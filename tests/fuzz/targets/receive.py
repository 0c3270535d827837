"""What ``cp`` takes out of a pod, put into a directory that has traps in it. Needs root."""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.reader import GrowingFile, TarReader
from rktpy.host.archive.unpack import split_name
from rktpy.host.tree.receiver import Receiver
from tests.fuzz import mutate_tar
from tests.fuzz.room import Room
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory, sample_members
from tests.support.archive import tar_bytes


class _Receive:
    def __init__(self) -> None:
        self._room: Room | None = None

    def enter(self) -> None:
        self._room = Room()
        self._room.lock()

    def run(self, data: bytes) -> None:
        if self._room is None:
            return
        target = self._room.fresh()
        os.symlink("/in", "out")
        os.symlink("../canary", "s")
        os.mkdir("x")
        base = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fd = in_memory(data)
        receiver = Receiver(base, archive=len(data) % 1024 == 0)
        try:
            reader = TarReader(GrowingFile(fd), Limits())
            members = ((split_name(m.name, Limits()), m) for m in reader.members())
            receiver.receive(reader, members)
        finally:
            for number in (base, fd, receiver._parent[1]):
                os.close(number)
            self._room.check()


_receive = _Receive()
TARGET = Target(
    _receive.run,
    lambda: [tar_bytes(sample_members()), tar_bytes([])],
    mutate_tar.change,
    mutate_tar.stretch,
    allowed=(RktError, OSError),
    enter=_receive.enter,
)
