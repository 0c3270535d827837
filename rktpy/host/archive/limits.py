"""What an archive may ask of us, as data, and the errors that say which wish went too far.

Every number bounds something a hostile archive controls. The defaults fit the largest
distribution images seen (about 300,000 members) and refuse what would fill a host.
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.value import Value


class ArchiveError(RktError):
    """The archive is damaged, or holds something that must not be extracted."""


class ArchiveLimitError(ArchiveError):
    """The archive asks for more than ``Limits`` grants."""


class Devices:
    """What becomes of character and block devices in an archive (rkt creates all of them)."""

    LISTED = "listed"  # the harmless ones of WELL_KNOWN_DEVICES are made, others refused
    ALL = "all"
    NONE = "none"


# (kind, major, minor): null zero full random urandom tty console ptmx, fuse, net/tun.
WELL_KNOWN_DEVICES = frozenset(
    [("c", 1, minor) for minor in (3, 5, 7, 8, 9)]
    + [("c", 5, minor) for minor in (0, 1, 2)]
    + [("c", 10, 229), ("c", 10, 200)]
)


_SHOWN = 100  # characters of a name in a message


class Limits(Value):
    """Bounds of one archive. Sizes are bytes, of the uncompressed stream unless said."""

    stream: int = 64 << 30
    entries: int = 500_000
    survey: int = 20_000  # after so many, count the rest before unpacking more
    ratio: int = 500  # uncompressed : compressed, checked once past ``ratio_from``
    ratio_from: int = 64 << 20
    document: int = 4 << 20  # the manifest
    path: int = 4095  # PATH_MAX without its NUL
    component: int = 255  # NAME_MAX
    depth: int = 255
    extended: int = 1 << 20  # one pax header
    long_name: int = 64 << 10  # one GNU long name
    xattrs: int = 64 << 10  # all attributes of one member

    def check_stream(self, produced: int, consumed: int) -> None:
        """Raise if a stream that has grown to ``produced`` from ``consumed`` bytes must stop.

        Raises:
            ArchiveLimitError: too long, or it unpacks suspiciously well.
        """
        if produced > self.stream:
            raise ArchiveLimitError(
                f"the archive is larger than {self.stream} bytes when uncompressed"
            )
        if produced > self.ratio_from and produced > self.ratio * consumed:
            raise ArchiveLimitError(
                f"the archive looks like a decompression bomb: {consumed} bytes unpack"
                f" to more than {produced} (limit {self.ratio}:1)"
            )


def shown(name: bytes) -> str:
    """Return a member name for a message: control characters and broken UTF-8 escaped."""
    text = name.decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
