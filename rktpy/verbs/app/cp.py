"""``rktpy cp`` (ours): files and directories into and out of a pod, running or ended.

Two helpers, one at each end of a pipe: one reads a tree as a tar stream, the other puts it where it
belongs. Each has chrooted into its own side before it looks at a path, so whatever links the app
makes, and changes while we copy, lead nowhere but into the app.
"""

from __future__ import annotations

import os
import stat

from rktpy.errors import RktError
from rktpy.host import helper
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.reader import DIR, LINK, Member, PipedFile, TarReader
from rktpy.host.archive.sink import Sink
from rktpy.host.archive.unpack import split_name
from rktpy.host.archive.writer import TarWriter
from rktpy.host.tree.receiver import InTheWayError, Receiver
from rktpy.value import Value
from rktpy.verbs.app.copysides import open_side, parse_side

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rktpy.verbs.app.copysides import HostSide, PodSide
    from rktpy.verbs.site import Site

    Side = HostSide | PodSide

STREAM = "-"
_STDIN, _STDOUT = 0, 1
_READS = helper.DAC_READ_SEARCH
_WRITES = helper.CHOWN | helper.DAC_OVERRIDE | helper.FOWNER | helper.FSETID | helper.SETFCAP
_NO_LIMIT = 1 << 62


class CopyError(RktError):
    """Source and target cannot be combined."""


class CopyRequest(Value):
    """``source`` and ``target`` as typed: ``POD:PATH``, ``POD/APP:PATH``, a path, or ``-``.

    ``archive`` keeps owners, all modes and attributes, and devices; ``follow`` copies what a link
    named as ``source`` leads to.
    """

    source: str
    target: str
    archive: bool = False
    follow: bool = False


def copy(site: Site, request: CopyRequest) -> tuple[str, ...]:
    """Copy, and return warnings about what was left out.

    Raises:
        RktError: a side is not there, or cannot take what comes; part of a tree may be copied.
    """
    places = parse_side(request.source), parse_side(request.target)
    inside = [place for place in places if place.pod]
    if len(inside) != 1:
        raise CopyError(
            "exactly one of source and target must be in a pod",
            hint="write POD:PATH for a path in a pod",
        )
    with (
        open_side(site, places[0], writable=False) as source,
        open_side(site, places[1], writable=True) as target,
    ):
        try:
            if request.target == STREAM:
                return _sender(source, request, _STDOUT).wait().warnings
            if request.source == STREAM:
                return _receiver(target, request, _STDIN).wait().warnings
            return _both(source, target, request)
        except OSError as error:
            raise CopyError(f"cannot copy {request.source} to {request.target}") from error


def _both(source: Side, target: Side, request: CopyRequest) -> tuple[str, ...]:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        sender = _sender(source, request, writing, close=(reading,))
        receiver = _receiver(target, request, reading, close=(writing,))
    finally:
        os.close(reading)
        os.close(writing)
    failure: Exception | None = None
    warnings: tuple[str, ...] = ()
    try:
        warnings = sender.wait().warnings
    except (RktError, OSError) as error:
        failure = error
    if failure is not None and not isinstance(failure, BrokenPipeError):
        receiver.cancel()  # all it could say is that the stream was cut
        raise failure
    warnings += receiver.wait().warnings  # why it took no more, if the pipe broke
    if failure is not None:
        raise failure
    return warnings


def _sender(
    side: Side, request: CopyRequest, out: int, *, close: Iterable[int] = ()
) -> helper.Helper:
    def work() -> helper.Answer:
        sink = Sink(out)
        writer = TarWriter(sink.put, device_nodes=request.archive)
        side.take()
        helper.confine(_READS)
        fd, name = find(side, follow=request.follow)
        writer.tree(fd, name)
        writer.finish()
        sink.finish()
        return helper.Answer(tuple(writer.warnings))

    return helper.Helper(work, close=close)


def find(side: Side, *, follow: bool) -> tuple[int, bytes]:
    """Return what to copy, opened by path only, and its name in the stream.

    The name is ``.`` for the content of a directory: a path that ends in ``.``, ``..`` or is ``/``.
    A slash at the end says that it is a directory, perhaps by a link.

    Raises:
        OSError: it is not there, or not a directory.
    """
    stripped = side.path.rstrip("/") or "/"
    last = os.path.basename(stripped)
    content = last in ("", ".", "..")
    directory = content or side.path.endswith("/")
    flags = os.O_PATH | (os.O_DIRECTORY if directory else 0)
    fd = side.open(stripped, flags if directory or follow else flags | os.O_NOFOLLOW)
    return fd, b"." if content else os.fsencode(last)


def _receiver(
    side: Side, request: CopyRequest, given: int, *, close: Iterable[int] = ()
) -> helper.Helper:
    stream = request.source == STREAM
    limits = Limits(stream=_NO_LIMIT, entries=_NO_LIMIT)

    def work() -> helper.Answer:
        source = PipedFile(given)
        reader = TarReader(source, limits)
        members = reader.members()
        first = next(members, None)
        if first is None:
            return helper.Answer()  # the sender says why
        side.take()
        if stream:
            base, where = side.open(side.path, os.O_RDONLY | os.O_DIRECTORY), Destination([], 0)
        else:
            base, where = settle(side, split_name(first.name, limits), first.kind)
        if os.geteuid() == 0:
            os.fchdir(base)
            os.chroot(".")
        helper.confine(_WRITES | (helper.MKNOD if request.archive else 0))
        receiver = Receiver(base, archive=request.archive)
        receiver.receive(reader, where.placed(first, members, limits))
        source.drain()
        return helper.Answer(tuple(receiver.warnings))

    return helper.Helper(work, close=close)


class Destination:
    """Where members go: ``below`` replaces the first ``dropped`` components of their names."""

    def __init__(self, below: list[bytes], dropped: int) -> None:
        self.below = below
        self.dropped = dropped

    def placed(
        self, first: Member, rest: Iterable[Member], limits: Limits
    ) -> Iterator[tuple[list[bytes], Member]]:
        """Yield each member with its place; the target of a hard link is a place as well."""
        for members in ((first,), rest):
            for member in members:
                if member.kind == LINK:
                    member.link = b"/".join(self._of(member.link, limits))
                yield self._of(member.name, limits), member

    def _of(self, name: bytes, limits: Limits) -> list[bytes]:
        return self.below + split_name(name, limits)[self.dropped :]


def settle(side: Side, top: list[bytes], kind: str) -> tuple[int, Destination]:
    """Return the directory to write into and where in it, by the rules of ``cp`` and docker.

    ``top`` is the name of what comes, empty for the content of a directory; ``kind`` what it is.

    Raises:
        InTheWayError, OSError: the target cannot take it.
    """
    dropped = len(top)
    directory = side.path.endswith("/") or os.path.basename(side.path) in (".", "..")
    try:
        fd = side.open(side.path, os.O_PATH)
    except FileNotFoundError:
        there = None
    else:
        there = os.fstat(fd)
        os.close(fd)
    if there is not None and stat.S_ISDIR(there.st_mode):
        return side.open(side.path, os.O_RDONLY | os.O_DIRECTORY), Destination(top, dropped)
    if there is not None and kind == DIR:
        raise InTheWayError(f"{side.path} is not a directory, so none can be copied to it")
    if directory and kind != DIR:
        raise InTheWayError(f"there is no directory {side.path}")
    parent, name = os.path.split(side.resolve(side.path.rstrip("/")))
    base = side.open(parent or ".", os.O_RDONLY | os.O_DIRECTORY)
    return base, Destination([os.fsencode(name)], dropped)
