"""Configuration files: credentials, directories, the default stage1, and which images are let in.

<root>/auth.d/*.json     kinds auth and dockerAuth
<root>/paths.d/*.json    kind paths
<root>/policy.d/*.json   kind imagePolicy (ours)
<root>/stage1.d/*.json   kind stage1

Up to three roots, in rising precedence: vendor, host, user. Within one root the same thing said
twice is an error; a higher root overrides a lower one item by item. Only regular files directly in
these directories are read: no symlinks, no other suffixes (rkt: rkt/config).
"""

from __future__ import annotations

import os

from rktpy.codec import CodecError, parse, quote
from rktpy.config.credentials import AWSAuth, BasicAuth, OAuth
from rktpy.config.fields import ConfigError, mapping, text, texts
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

VERSION = "v1"
SYSTEM_ROOT = "/usr/lib/rkt"
LOCAL_ROOT = "/etc/rkt"

_MAX_FILE = 1 << 20  # bytes; real files have a few hundred
_SCHEMES = ("docker", "file", "http", "https")


class Paths(Value):
    """Directories; "" where nothing is configured."""

    data: str = ""
    stage1_images: str = ""


class Stage1(Value):
    """The default stage1 image; "" where nothing is configured."""

    name: str = ""
    version: str = ""
    location: str = ""


class Config(Value):
    """Everything configured. Mappings are in order of first appearance; do not change them."""

    auth: Mapping[str, BasicAuth | OAuth | AWSAuth]  # by host[:port], exactly as in the URL
    docker_auth: Mapping[str, BasicAuth]  # by registry
    paths: Paths
    stage1: Stage1
    rules: Mapping[str, str]  # of images, by prefix

    @property
    def data_dir(self) -> str:
        """The configured data directory, "" if there is none."""
        return self.paths.data

    def objects(self) -> list[dict[str, object]]:
        """Return the objects that ``rktpy config`` lists, in rkt's order."""
        objects: list[dict[str, object]] = []
        for domain, auth in self.auth.items():
            what = {"domains": [domain], "type": auth.kind, "credentials": auth.credentials()}
            objects.append(_header("auth") | what)
        for registry, basic in self.docker_auth.items():
            entry = {"registries": [registry], "credentials": basic.credentials()}
            objects.append(_header("dockerAuth") | entry)
        for prefix, rule in self.rules.items():
            objects.append(_header("imagePolicy") | {"prefixes": [prefix], "rule": rule})
        paths, stage1 = self.paths, self.stage1
        objects.append(
            _header("paths") | {"data": paths.data, "stage1-images": paths.stage1_images}
        )
        image = {"name": stage1.name, "version": stage1.version, "location": stage1.location}
        objects.append(_header("stage1") | image)
        return objects


def load(system: str, local: str, user: str = "", *, only: str = "") -> Config:
    """Read all three roots; a root or directory that is not there, or "", is fine.

    ``only`` names the one directory to read, as ``paths.d``: others may be for root's eyes only.

    Raises:
        ConfigError: see the module; the text names the file.
    """
    subdirectories = (only,) if only else tuple(_SUBDIRECTORIES)
    result = _Draft()
    for root in (system, local, user):
        if root:
            draft = _Draft()
            if _is_directory(root):
                for name in subdirectories:
                    _read_directory(draft, f"{root.rstrip('/')}/{name}", _SUBDIRECTORIES[name])
            result.override(draft)
    return Config(result.auth, result.docker_auth, result.paths, result.stage1, result.rules)


class _Draft:
    """What one root says, while it is being read."""

    __slots__ = ("auth", "docker_auth", "paths", "rules", "stage1")

    def __init__(self) -> None:
        self.auth: dict[str, BasicAuth | OAuth | AWSAuth] = {}
        self.docker_auth: dict[str, BasicAuth] = {}
        self.paths = Paths()
        self.stage1 = Stage1()
        self.rules: dict[str, str] = {}

    def override(self, higher: _Draft) -> None:
        """Let the items of a higher root win."""
        self.auth |= higher.auth
        self.docker_auth |= higher.docker_auth
        self.rules |= higher.rules
        paths, stage1 = higher.paths, higher.stage1
        self.paths = Paths(
            paths.data or self.paths.data, paths.stage1_images or self.paths.stage1_images
        )
        named = stage1 if stage1.name else self.stage1
        self.stage1 = Stage1(named.name, named.version, stage1.location or self.stage1.location)


def _is_directory(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        _unreadable(path, error)
    if mode & 0o170000 != 0o040000:
        raise ConfigError(f"expected {quote(path)} to be a directory")
    return True


def _read_directory(draft: _Draft, directory: str, kinds: tuple[str, ...]) -> None:
    if not _is_directory(directory):
        return
    try:
        with os.scandir(directory) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.name.endswith(".json") and entry.is_file(follow_symlinks=False)
            )
    except OSError as error:
        _unreadable(directory, error)
    for name in names:
        _read_file(draft, directory, name, kinds)


def _read_file(draft: _Draft, directory: str, name: str, kinds: tuple[str, ...]) -> None:
    path = f"{directory}/{name}"
    content = _content(path)
    kind, version = text(content, "rktKind"), text(content, "rktVersion")
    if not kind:
        raise ConfigError(f"no rktKind specified in {quote(path)}")
    if not version:
        raise ConfigError(f"no rktVersion specified in {quote(path)}")
    if kind not in kinds:
        raise ConfigError(
            f"the configuration directory {quote(directory)} expects to have configuration files"
            f" of kinds {', '.join(map(quote, kinds))}, but {quote(name)} has kind of {quote(kind)}"
        )
    if version != VERSION:
        raise ConfigError(
            f"no parser available for configuration of kind {quote(kind)}"
            f" and version {quote(version)}"
        )
    try:
        _PARSERS[kind](draft, content)
    except RktError as error:
        raise _unparsable(path, error.message) from None


def _content(path: str) -> dict[str, object]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            found = os.read(fd, _MAX_FILE + 1)
        finally:
            os.close(fd)
    except OSError as error:
        _unreadable(path, error)
    if len(found) > _MAX_FILE:
        raise _unparsable(path, f"larger than {_MAX_FILE} bytes")
    try:
        content = parse(found)
    except CodecError as error:
        raise _unparsable(path, error.message.removeprefix("invalid JSON: ")) from None
    if not isinstance(content, dict):
        raise _unparsable(path, "not a JSON object")
    return content


def _unparsable(path: str, why: str) -> ConfigError:
    # The reason stands in the text and not as a cause: only the innermost cause is shown to the
    # user, who would then not learn which file it is.
    return ConfigError(f"failed to parse {quote(path)}: {why}")


def _unreadable(path: str, error: OSError) -> NoReturn:
    words = os.strerror(error.errno or 0).lower()
    raise ConfigError(f"cannot read configuration: open {path}: {words}") from error


def _parse_auth(draft: _Draft, content: dict[str, object]) -> None:
    domains = texts(content, "domains")
    kind = text(content, "type")
    if not domains:
        raise ConfigError("no domains specified")
    if not kind:
        raise ConfigError("no auth type specified")
    if kind not in _AUTH_TYPES:
        raise ConfigError(f"unknown auth type: {quote(kind)}")
    auth = _AUTH_TYPES[kind](content)
    for domain in domains:
        if domain in draft.auth:
            raise ConfigError(f"auth for domain {quote(domain)} is already specified")
        draft.auth[domain] = auth


def _basic(content: dict[str, object]) -> BasicAuth:
    credentials = mapping(content, "credentials")
    if credentials is None:
        raise ConfigError("no credentials")
    user, password = text(credentials, "user"), text(credentials, "password")
    if not user:
        raise ConfigError("user not specified")
    if not password:
        raise ConfigError("password not specified")
    return BasicAuth(user, password)


def _oauth(content: dict[str, object]) -> OAuth:
    token = text(mapping(content, "credentials") or {}, "token")
    if not token:
        raise ConfigError("no oauth bearer token specified")
    return OAuth(token)


def _aws(content: dict[str, object]) -> AWSAuth:
    credentials = mapping(content, "credentials") or {}
    identity, secret = text(credentials, "accessKeyID"), text(credentials, "secretAccessKey")
    if not identity:
        raise ConfigError("no AWS Access Key ID specified")
    if not secret:
        raise ConfigError("no AWS Secret Access Key specified")
    return AWSAuth(identity, secret, text(credentials, "awsRegion"))


def _parse_docker_auth(draft: _Draft, content: dict[str, object]) -> None:
    registries = texts(content, "registries")
    if not registries:
        raise ConfigError("no registries specified")
    basic = _basic(content)
    for registry in registries:
        if registry in draft.docker_auth:
            raise ConfigError(
                f"credentials for docker registry {quote(registry)} are already specified"
            )
        draft.docker_auth[registry] = basic


def _parse_paths(draft: _Draft, content: dict[str, object]) -> None:
    data = _directory(content, "data", "data directory", draft.paths.data)
    images = _directory(
        content, "stage1-images", "stage1 images directory", draft.paths.stage1_images
    )
    draft.paths = Paths(data, images)


def _parse_policy(draft: _Draft, content: dict[str, object]) -> None:
    from rktpy.config.acceptance import parse_rules  # brings re in

    draft.rules |= parse_rules(content, draft.rules)


def _directory(content: dict[str, object], key: str, what: str, before: str) -> str:
    value = text(content, key)
    if value and before:
        raise ConfigError(f"{what} is already specified")
    if value and not value.startswith("/"):
        raise ConfigError(f"{what} must be an absolute path")
    return value or before


def _parse_stage1(draft: _Draft, content: dict[str, object]) -> None:
    name, version = text(content, "name"), text(content, "version")
    location, before = text(content, "location"), draft.stage1
    if version and not name:
        raise ConfigError("default stage1 image version specified, but name is missing")
    if name and not version:
        raise ConfigError("default stage1 image name specified, but version is missing")
    if name and before.name:
        raise ConfigError("name and version of a default stage1 image are already specified")
    if location and before.location:
        raise ConfigError("location of a default stage1 image is already specified")
    _check_location(location)
    named = Stage1(name, version) if name else before
    draft.stage1 = Stage1(named.name, named.version, location or before.location)


def _check_location(location: str) -> None:
    if not location or location.startswith("/"):
        return
    if any(char <= " " or char == "\x7f" for char in location):
        raise ConfigError("default stage1 image location is an invalid URL")
    scheme, colon, _ = location.partition(":")
    if not colon or "/" in scheme:
        raise ConfigError(
            "default stage1 image location is either a relative path or a URL without scheme"
        )
    if not scheme or not (scheme[0].isalpha() and scheme.isascii()):
        raise ConfigError("default stage1 image location is an invalid URL")
    if scheme.lower() not in _SCHEMES:
        raise ConfigError(
            f"default stage1 image location URL has invalid scheme {quote(scheme)},"
            f" allowed schemes are {', '.join(map(quote, _SCHEMES))}"
        )


def _header(kind: str) -> dict[str, object]:
    return {"rktVersion": VERSION, "rktKind": kind}


_SUBDIRECTORIES = {
    "auth.d": ("auth", "dockerAuth"),
    "paths.d": ("paths",),
    "policy.d": ("imagePolicy",),
    "stage1.d": ("stage1",),
}
_AUTH_TYPES: dict[str, Callable[[dict[str, object]], BasicAuth | OAuth | AWSAuth]] = {
    "basic": _basic,
    "oauth": _oauth,
    "aws": _aws,
}
_PARSERS: dict[str, Callable[[_Draft, dict[str, object]], None]] = {
    "auth": _parse_auth,
    "dockerAuth": _parse_docker_auth,
    "imagePolicy": _parse_policy,
    "paths": _parse_paths,
    "stage1": _parse_stage1,
}
