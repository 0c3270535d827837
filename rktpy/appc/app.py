"""The ``app`` object of both manifests: what to run, as whom, with which mounts and ports."""

from __future__ import annotations

from rktpy.appc.errors import AppcError
from rktpy.appc.fields import (
    MAX_PATH,
    NOTHING,
    FrozenMap,
    Keys,
    check_whole,
    flag,
    items,
    natural,
    plain,
    process_text,
    put_list,
    put_table,
    refuse_nul,
    table,
    text,
    texts,
)
from rktpy.appc.isolator import Isolator, check_together, read_isolators
from rktpy.appc.types import ACName, EnvironmentVariable, check_name, find, refuse_duplicates
from rktpy.codec import quote
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_APP = Keys(
    "exec", "eventHandlers", "user", "group", "supplementaryGIDs", "workingDirectory",
    "environment", "mountPoints", "ports", "isolators", "userAnnotations", "userLabels",
)  # fmt: skip
_HANDLER = Keys("name", "exec")
_MOUNT_POINT = Keys("name", "path", "readOnly")
_PORT = Keys("name", "protocol", "port", "count", "socketActivated")

_LARGEST_ID = (1 << 32) - 2  # the kernel keeps the last one for "no such id"


class EventHandler(Value):
    """A program run before the app starts (``pre-start``) or after it ended (``post-stop``)."""

    name: str
    exec: tuple[str, ...] = ()
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        if not self.name:
            raise AppcError('eventHandler "name" cannot be empty')
        if self.name not in ("pre-start", "post-stop"):
            raise AppcError(f'bad eventHandler "name": {quote(self.name)}')

    @classmethod
    def from_object(cls, value: object) -> EventHandler:
        """Return the handler a JSON object describes."""
        fields, unknown = _HANDLER.read(value, "eventHandler")
        return cls(text(fields, "name"), _arguments(fields), unknown)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this handler."""
        found: dict[str, object] = {"name": self.name}
        put_list(found, "exec", self.exec, plain, always=True)
        return found | self.unknown if keep_unknown else found


class MountPoint(Value):
    """A place in the app's tree where a volume of the same name goes; ``path`` may be relative."""

    name: str
    path: str
    read_only: bool = False
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        check_name(self.name, ACName)
        check_path(self.path, "path")

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> MountPoint:
        """Return the mount point a JSON object describes."""
        fields, unknown = _MOUNT_POINT.read(value, "mountPoint")
        return cls(
            ACName.read(fields, "name", lenient=lenient),
            text(fields, "path"),
            flag(fields, "readOnly") or False,
            unknown,
        )

    @classmethod
    def parse(cls, text: str) -> MountPoint:
        """Return the mount point of ``NAME,path=P[,readOnly=B]``."""
        from rktpy.appc.forms import pairs, parse_bool

        found = pairs(f"name={text}")
        for key in found:
            if key not in ("name", "path", "readOnly"):
                raise AppcError(f"unknown mountpoint parameter {quote(key)}")
        name = ACName(found["name"])
        read_only = parse_bool(found["readOnly"]) if "readOnly" in found else False
        if not found.get("path"):
            raise AppcError("path must be set")
        return cls(name, found["path"], read_only)

    def __str__(self) -> str:
        tail = ",readOnly=true" if self.read_only else ""
        return f"{self.name},path={self.path}{tail}"

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this mount point."""
        found: dict[str, object] = {"name": self.name, "path": self.path}
        if self.read_only:
            found["readOnly"] = True
        return found | self.unknown if keep_unknown else found


class Port(Value):
    """``count`` ports from ``port`` on that the app listens on; ``protocol`` is free text."""

    name: str
    protocol: str
    port: int
    count: int = 1
    socket_activated: bool = False
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        check_name(self.name, ACName)
        if not 1 <= self.port <= 65535:
            raise AppcError("port must be in 1-65535 range")
        if self.port + self.count > 65536 or self.count < 1:
            raise AppcError("end of port range must be in 1-65535 range")

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> Port:
        """Return the port a JSON object describes; a ``count`` of 0 is 1."""
        fields, unknown = _PORT.read(value, "port")
        return cls(
            ACName.read(fields, "name", lenient=lenient),
            process_text(fields, "protocol"),
            natural(fields, "port") or 0,
            natural(fields, "count") or 1,
            flag(fields, "socketActivated") or False,
            unknown,
        )

    @classmethod
    def parse(cls, text: str) -> Port:
        """Return the port of ``NAME,protocol=P,port=N[,count=N][,socketActivated=B]``."""
        from rktpy.appc.forms import pairs, parse_bool, parse_port_number

        found = pairs(f"name={text}")
        for key in found:
            if key not in ("name", "protocol", "port", "count", "socketActivated"):
                raise AppcError(f"unknown port parameter {quote(key)}")
        return cls(
            ACName(found["name"]),
            found.get("protocol", ""),
            parse_port_number(found["port"]) if "port" in found else 0,
            (parse_port_number(found["count"]) if "count" in found else 0) or 1,
            parse_bool(found["socketActivated"]) if "socketActivated" in found else False,
        )

    def __str__(self) -> str:
        activated = "true" if self.socket_activated else "false"
        return (
            f"{self.name},protocol={self.protocol},port={self.port},count={self.count}"
            f",socketActivated={activated}"
        )

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this port."""
        found: dict[str, object] = {
            "name": self.name,
            "protocol": self.protocol,
            "port": self.port,
            "count": self.count,
            "socketActivated": self.socket_activated,
        }
        return found | self.unknown if keep_unknown else found


class App(Value):
    """What to run and how; ``user`` and ``group`` are as written, resolved at run time."""

    exec: tuple[str, ...]
    user: str
    group: str
    event_handlers: tuple[EventHandler, ...] = ()
    supplementary_gids: tuple[int, ...] = ()
    working_directory: str = ""
    environment: tuple[EnvironmentVariable, ...] = ()
    mount_points: tuple[MountPoint, ...] = ()
    ports: tuple[Port, ...] = ()
    isolators: tuple[Isolator, ...] = ()
    user_annotations: FrozenMap = NOTHING
    user_labels: FrozenMap = NOTHING
    unknown: FrozenMap = NOTHING

    def check(self) -> None:
        if not self.user:
            raise AppcError("user is required")
        if not self.group:
            raise AppcError("group is required")
        if self.working_directory and self.working_directory[0] != "/":
            raise AppcError("workingDirectory must be an absolute path")
        check_path(self.working_directory, "workingDirectory")
        handlers = [handler.name for handler in self.event_handlers]
        for name in handlers:
            if handlers.count(name) > 1:
                raise AppcError(f"Only one eventHandler of name {quote(name)} allowed")
        refuse_duplicates(
            [variable.name for variable in self.environment],
            "duplicate environment variable of name",
        )
        for gid in self.supplementary_gids:
            if not 0 <= gid <= _LARGEST_ID:
                raise AppcError(f"supplementaryGIDs must be in 0-{_LARGEST_ID} range, got {gid}")
        check_together(self.isolators)

    @classmethod
    def from_object(cls, value: object, *, lenient: bool = False) -> App:
        """Return the app a JSON object describes.

        Raises:
            AppcError: a constraint of the specification is broken.
        """
        fields, unknown = _APP.read(value, "app")
        return cls(
            _arguments(fields),
            process_text(fields, "user"),
            process_text(fields, "group"),
            _handlers(fields),
            items(fields, "supplementaryGIDs", lambda gid: check_whole(gid, "supplementaryGIDs")),
            text(fields, "workingDirectory"),
            items(fields, "environment", EnvironmentVariable.from_object),
            items(fields, "mountPoints", lambda v: MountPoint.from_object(v, lenient=lenient)),
            items(fields, "ports", lambda v: Port.from_object(v, lenient=lenient)),
            read_isolators(fields, lenient=lenient),
            table(fields, "userAnnotations"),
            table(fields, "userLabels"),
            unknown,
        )

    def variable(self, name: str) -> str | None:
        """Return the value of the environment variable ``name``."""
        return find(self.environment, name)

    def to_object(self, *, keep_unknown: bool = True) -> dict[str, object]:
        """Return the JSON object of this app, keys in the order of the reference library."""

        def write(
            part: EventHandler | EnvironmentVariable | MountPoint | Port | Isolator,
        ) -> dict[str, object]:
            return part.to_object(keep_unknown=keep_unknown)

        found: dict[str, object] = {}
        put_list(found, "exec", self.exec, plain, always=True)
        put_list(found, "eventHandlers", self.event_handlers, write)
        found["user"] = self.user
        found["group"] = self.group
        put_list(found, "supplementaryGIDs", self.supplementary_gids, plain)
        if self.working_directory:
            found["workingDirectory"] = self.working_directory
        put_list(found, "environment", self.environment, write)
        put_list(found, "mountPoints", self.mount_points, write)
        put_list(found, "ports", self.ports, write)
        put_list(found, "isolators", self.isolators, write)
        put_table(found, "userAnnotations", self.user_annotations)
        put_table(found, "userLabels", self.user_labels)
        return found | self.unknown if keep_unknown else found


def check_path(path: str, what: str) -> None:
    """Raise if ``path`` cannot be one: a NUL in it, or longer than the kernel takes."""
    refuse_nul(path, what)
    if len(path) > MAX_PATH:
        raise AppcError(f"{what} is longer than {MAX_PATH} characters")


def _arguments(fields: Mapping[str, object]) -> tuple[str, ...]:
    found = texts(fields, "exec")
    for argument in found:
        refuse_nul(argument, "exec")
    return found


def _handlers(fields: Mapping[str, object]) -> tuple[EventHandler, ...]:
    return items(fields, "eventHandlers", EventHandler.from_object)
