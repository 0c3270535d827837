"""What people and manifests write in one word: names, references, amounts, volumes, ports."""

from __future__ import annotations

from binascii import crc32
from typing import TYPE_CHECKING

from rktpy.appc.app import MountPoint, Port
from rktpy.appc.names import ImageName, app_name
from rktpy.appc.pod import ExposedPort
from rktpy.appc.quantity import Quantity
from rktpy.appc.types import ACIdentifier, ACName, ImageID, check_version, parse_uuid
from rktpy.appc.volume import Mount, Volume
from rktpy.appc.wellknown import check_date, check_url
from rktpy.errors import RktError
from rktpy.image.layered.names import parse_name
from rktpy.image.reference import parse_reference
from rktpy.pod.naming import check_name
from tests.fuzz.mutate import text
from tests.fuzz.target import MIB, Target

if TYPE_CHECKING:
    from collections.abc import Callable

_READERS: tuple[Callable[[str], object], ...] = (
    MountPoint.parse, Port.parse, ImageName.parse, app_name, ExposedPort.parse, Quantity.parse,
    ACIdentifier, ACName, ImageID.parse, check_version, parse_uuid, Mount.parse, Volume.parse,
    check_date,
    check_url, parse_name, parse_reference, check_name, ACName.sanitise, ACIdentifier.sanitise,
)  # fmt: skip
_WORDS = (
    b"example.com/app:1.0,os=linux,arch=amd64", b"sha512-ab", b"1.5Gi", b"-2e3", b"500m", b"1E-6",
    b"data,kind=empty,mode=0755,uid=0", b"volume=a,target=/b", b"web:127.0.0.1:80", b"web:[::1]:80",
    b"http,protocol=tcp,port=80,count=2", b"docker://busybox:latest", b"localhost:5000/a/b@sha256:",
    b"oci:/srv/layout:tag", b"oci-archive:a.tar", b"docker-archive:a.tar:b", b"file:///a%20b.aci",
    b"https://example.com/a.aci?x#y", b"cimd:docker:v=0:busybox", b"cimd:appc:v=0:a?version=1",
    b"cimd:aci-archive:v=0:file%3A%2F%2F%2Fa", b"2026-01-02T03:04:05.6+01:00", b"1.2.3-a+b",
    b"./a.aci",
    b"12345678-9abc-def0-1234-56789abcdef0",
)  # fmt: skip


_LONG = 1 << 16  # bytes


def _run(data: bytes) -> None:
    word = data.decode("utf-8", "surrogateescape")  # as the command line has it
    readers = _READERS
    if len(data) > _LONG:  # twenty of them, each linear, would together look slow
        readers = (_READERS[crc32(data) % len(_READERS)],)
    for reader in readers:
        try:
            found = reader(word)
        except RktError:
            continue
        str(found)
        if isinstance(found, Quantity):
            assert Quantity.parse(str(found)).nano == found.nano
            found.integer()
            found.milli()


# urllib takes a mebibyte of percent signs apart into 350,000 pieces; a word of a command line is
# not that long.
TARGET = Target(_run, lambda: _WORDS, text(*_WORDS), longest=8192, memory=128 * MIB)
