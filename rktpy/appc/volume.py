"""Volumes a pod offers and mounts that ask for them, in JSON and as ``--volume``, ``--mount``."""

from __future__ import annotations

from rktpy.appc.app import check_path
from rktpy.appc.errors import AppcError
from rktpy.appc.fields import NOTHING, FrozenMap, Keys, flag, text, whole
from rktpy.appc.types import ACName, check_name
from rktpy.codec import quote
from rktpy.value import Value

_VOLUME = Keys("name", "kind", "source", "readOnly", "recursive", "mode", "uid", "gid", "copyUp")
_PARAMETERS = frozenset(
    ("name", "kind", "source", "readOnly", "recursive", "mode", "uid", "gid", "copy-up")
)
_MOUNT = Keys("volume", "path", "appVolume")

DEFAULT_MODE = "0755"
_LARGEST_ID = (1 << 32) - 2


class VolumeKind:
    """Where the content of a volume lives."""

    HOST = "host"  # a path of the host
    EMPTY = "empty"  # made for the pod, gone with it


class Volume(Value):
    """A volume; ``read_only`` and ``recursive`` are None where the mount point decides.

    ``mode`` (octal text), ``uid`` and ``gid`` belong to the kind ``empty`` and are always set
    there; ``source`` and ``recursive`` to ``host``. ``copy_up`` is ours: an ``empty`` volume starts
    with what the image has where it is mounted first.
    """

    name: str
    kind: str
    source: str = ""
    read_only: bool | None = None
    recursive: bool | None = None
    mode: str | None = None
    uid: int | None = None
    gid: int | None = None
    unknown: FrozenMap = NOTHING
    copy_up: bool | None = None

    def check(self) -> None:
        if not self.name:
            raise AppcError("name must be set")
        check_name(self.name, ACName)
        if self.kind == VolumeKind.EMPTY:
            self._check_empty()
        elif self.kind == VolumeKind.HOST:
            self._check_host()
        else:
            raise AppcError('unrecognized volume kind: should be one of "empty", "host"')

    def _check_empty(self) -> None:
        if self.source:
            raise AppcError("source for empty volume must be empty")
        for what, value in (("mode", self.mode), ("uid", self.uid), ("gid", self.gid)):
            if value is None:
                raise AppcError(f"{what} for empty volume must be set")
        mode = self.mode or ""
        if mode.strip("01234567") or not mode or int(mode, 8) > 0o7777:
            raise AppcError(f"mode for empty volume must be octal, got {quote(mode)}")
        for what, number in (("uid", self.uid), ("gid", self.gid)):
            if not 0 <= (number or 0) <= _LARGEST_ID:
                raise AppcError(f"{what} for empty volume must be in 0-{_LARGEST_ID} range")

    def _check_host(self) -> None:
        if not self.source:
            raise AppcError("source for host volume cannot be empty")
        for what, value in (("mode", self.mode), ("uid", self.uid), ("gid", self.gid)):
            if value is not None:
                raise AppcError(f"{what} for host volume cannot be set")
        if self.copy_up is not None:
            raise AppcError("copy-up for host volume cannot be set")
        if self.source[0] != "/":
            raise AppcError("source for host volume must be absolute path")
        check_path(self.source, "source")

    @classmethod
    def host(cls, name: str, source: str, *, read_only: bool | None = None) -> Volume:
        """Return a volume that is the host's ``source``."""
        return cls(ACName(name), VolumeKind.HOST, source, read_only)

    @classmethod
    def empty(cls, name: str, *, mode: str = DEFAULT_MODE, uid: int = 0, gid: int = 0) -> Volume:
        """Return a volume made for the pod."""
        return cls(ACName(name), VolumeKind.EMPTY, mode=mode, uid=uid, gid=gid)

    @classmethod
    def from_object(cls, value: object) -> Volume:
        """Return the volume a JSON object describes; an empty one gets its defaults."""
        fields, unknown = _VOLUME.read(value, "volume")
        mode = None if fields.get("mode") is None else text(fields, "mode")
        return cls._build(
            "" if fields.get("name") is None else ACName.read(fields, "name"),
            text(fields, "kind"),
            text(fields, "source"),
            (flag(fields, "readOnly"), flag(fields, "recursive")),
            (mode, whole(fields, "uid"), whole(fields, "gid")),
            unknown,
            flag(fields, "copyUp"),
        )

    @classmethod
    def parse(cls, text: str) -> Volume:
        """Return the volume of the command line's
        ``NAME,kind=host|empty[,source=/p][,readOnly=B][,recursive=B][,mode=M][,uid=N][,gid=N]``
        and, for an empty one, ``[,copy-up=B]``.

        Raises:
            AppcError: the reason, without the name of the option.
        """
        from rktpy.appc.forms import pairs, parse_bool, parse_int

        def flag_of(key: str) -> bool | None:
            return parse_bool(found[key]) if key in found else None

        def number_of(key: str) -> int | None:
            return parse_int(found[key]) if key in found else None

        found = pairs(f"name={text}")
        for key in found:
            if key not in _PARAMETERS:
                raise AppcError(f"unknown volume parameter {quote(key)}")
        return cls._build(
            ACName(found["name"]),
            found.get("kind", ""),
            found.get("source", ""),
            (flag_of("readOnly"), flag_of("recursive")),
            (found.get("mode"), number_of("uid"), number_of("gid")),
            NOTHING,
            flag_of("copy-up"),
        )

    @classmethod
    def _build(
        cls,
        name: str,
        kind: str,
        source: str,
        flags: tuple[bool | None, bool | None],
        owner: tuple[str | None, int | None, int | None],
        unknown: FrozenMap,
        copy_up: bool | None,  # noqa: FBT001 - private, and the last of many
    ) -> Volume:
        mode, uid, gid = owner
        if kind == VolumeKind.EMPTY:
            mode = DEFAULT_MODE if mode is None else mode
            uid, gid = uid or 0, gid or 0
        return cls(name, kind, source, *flags, mode, uid, gid, unknown, copy_up)

    def __str__(self) -> str:
        """The form ``parse`` reads, without defaults."""
        parts = [f"{self.name},kind={self.kind}"]
        if self.source:
            parts.append(f"source={self.source}")
        if self.read_only is not None:
            parts.append(f"readOnly={_word(self.read_only)}")
        if self.recursive is not None:
            parts.append(f"recursive={_word(self.recursive)}")
        if self.kind == VolumeKind.EMPTY:
            if self.mode != DEFAULT_MODE:
                parts.append(f"mode={self.mode}")
            parts += [f"{k}={v}" for k, v in (("uid", self.uid), ("gid", self.gid)) if v]
        if self.copy_up is not None:
            parts.append(f"copy-up={_word(self.copy_up)}")
        return ",".join(parts)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this volume."""
        found: dict[str, object] = {"name": self.name, "kind": self.kind}
        if self.source:
            found["source"] = self.source
        optional = (
            ("readOnly", self.read_only),
            ("recursive", self.recursive),
            ("mode", self.mode),
            ("uid", self.uid),
            ("gid", self.gid),
            ("copyUp", self.copy_up),
        )
        found.update({key: value for key, value in optional if value is not None})
        return found | self.unknown if keep_unknown else found


class Mount(Value):
    """One volume at one place of an app; ``app_volume`` replaces the lookup by name."""

    volume: str
    path: str
    app_volume: Volume | None = None
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        check_name(self.volume, ACName)
        check_path(self.path, "path")

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> Mount:
        """Return the mount a JSON object describes."""
        fields, unknown = _MOUNT.read(value, "mount")
        inner = fields.get("appVolume")
        return cls(
            ACName.read(fields, "volume", lenient=lenient),
            text(fields, "path"),
            None if inner is None else Volume.from_object(inner),
            unknown,
        )

    @classmethod
    def parse(cls, text: str) -> Mount:
        """Return the mount of ``--mount volume=NAME,target=PATH``; the target may be relative.

        Raises:
            AppcError: the reason, without the name of the option.
        """
        from rktpy.appc.forms import pairs

        found = pairs(text)
        for key in found:
            if key not in ("volume", "target"):
                raise AppcError(f"unknown mount parameter {quote(key)}")
        if "volume" not in found:
            raise AppcError("volume must be set")
        try:
            name = ACName(found["volume"])
        except AppcError as error:
            raise AppcError(
                f"invalid volume name {quote(found['volume'])} in --mount flag {quote(text)}"
            ) from error
        if not found.get("target"):
            raise AppcError("path must be set")
        return cls(name, found["target"])

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this mount."""
        found: dict[str, object] = {"volume": self.volume, "path": self.path}
        if self.app_volume is not None:
            found["appVolume"] = self.app_volume.to_object(keep_unknown=keep_unknown)
        return found | self.unknown if keep_unknown else found


def _word(value: bool) -> str:  # noqa: FBT001  # it is the thing written
    return "true" if value else "false"
