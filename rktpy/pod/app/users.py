"""The user and groups of an app: from the manifest's ``user`` and ``group`` to ids.

Names are looked up in the image's own files, never in the host's, and no link of the image
leads out of it (rkt: pkg/user, stage1/init/common/pod.go).
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.tree import rootpath
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.appc.app import App
    from rktpy.appc.image import ImageManifest

DOCKER_ANNOTATION = "appc.io/docker/repository"
MAX_ID = 0xFFFF_FFFE  # the one above means "no change" to the kernel
MAX_FILE = 16 << 20  # bytes of passwd or group that we are willing to read


class IdentityError(RktError):
    """The app's user or group cannot be turned into a number."""


class Identity(Value):
    """Whom an app runs as, as seen inside the pod."""

    uid: int
    gid: int
    supplementary_gids: tuple[int, ...] = ()


def resolve_identity(rootfs: str, app: App, image: ImageManifest, *, first_id: int = 0) -> Identity:
    """Return whom ``app`` runs as, looking names and paths up below ``rootfs``.

    ``first_id`` is where the pod's ids start on the host: owners found in ``rootfs`` are
    shifted back by it.

    Raises:
        IdentityError: caused by the reason, in rkt's words.
    """
    try:
        uid = _named("user", app.user, lambda: resolve_user(rootfs, app.user, first_id=first_id))
        gid = _named("group", app.group, lambda: _group(rootfs, app, image, uid, first_id))
        for number in app.supplementary_gids:
            _check_id(number)
    except IdentityError as error:
        raise IdentityError("unable to determine app's uid and gid") from error
    return Identity(uid, gid, tuple(app.supplementary_gids))


def check_in_range(identity: Identity, count: int) -> None:
    """Refuse an identity that a pod in a user namespace of ``count`` ids does not have.

    Raises:
        IdentityError: in rkt's words.
    """
    uid, gid = identity.uid, identity.gid
    if uid >= count or gid >= count:
        raise IdentityError(f"uid {uid} or gid {gid} are out of range {count}")
    for number in identity.supplementary_gids:
        if number >= count:
            raise IdentityError(f"supplementary gid {number} is out of range {count}")


def resolve_user(rootfs: str, text: str, *, first_id: int = 0) -> int:
    """Return the uid that ``text`` means: ``root``, a number, an absolute path whose owner
    counts, or a name of ``etc/passwd``; paths are below ``rootfs``.

    Raises:
        IdentityError: it means none.
    """
    number = _number(text)
    if number is not None:
        return number
    if text.startswith("/"):
        return unshift(_owner(rootfs, text).st_uid, first_id)
    return _look_up(rootfs, "etc/passwd", text, "user")


def resolve_group(rootfs: str, text: str, *, first_id: int = 0) -> int:
    """Return the gid that ``text`` means, as ``resolve_user`` with ``etc/group``.

    Raises:
        IdentityError: it means none.
    """
    number = _number(text)
    if number is not None:
        return number
    if text.startswith("/"):
        return unshift(_owner(rootfs, text).st_gid, first_id)
    return _look_up(rootfs, "etc/group", text, "group")


def unshift(number: int, first_id: int) -> int:
    """Return the id inside a pod of the host's ``number``; ids of nobody in it stay themselves."""
    return number - first_id if number >= first_id else number


def sysusers_text(identity: Identity) -> str:
    """Return a sysusers.d file that gives every number a name: systemd wants an entry for a
    numeric ``User=`` (rkt: the same names)."""
    gids = dict.fromkeys((*identity.supplementary_gids, identity.gid))
    lines = [f"g gen{gid} {gid}\n" for gid in gids]
    lines.append(f'u gen{identity.uid} {identity.uid} "gen{identity.uid}"\n')
    return "\n".join(lines)


class _UnknownNameError(IdentityError):
    """The image's files do not have the name."""


def _named(kind: str, text: str, resolve: Callable[[], int]) -> int:
    try:
        return resolve()
    except IdentityError as error:
        raise IdentityError(f"failed to configure {kind} {quote(text)}") from error


def _group(rootfs: str, app: App, image: ImageManifest, uid: int, first_id: int) -> int:
    try:
        return resolve_group(rootfs, app.group, first_id=first_id)
    except _UnknownNameError:
        # A docker image names only a user; the converter puts it in both places.
        own = image.app
        if (
            own is not None
            and image.annotation(DOCKER_ANNOTATION) is not None
            and own.user == own.group == app.group
        ):
            return uid
        raise


def _number(text: str) -> int | None:
    if text == "root":
        return 0
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) > 10 or text[0] == "-":
        raise IdentityError("Invalid uid or gid")
    return _check_id(int(digits))


def _check_id(number: int) -> int:
    if not 0 <= number <= MAX_ID:
        raise IdentityError("Invalid uid or gid")
    return number


def _owner(rootfs: str, path: str) -> os.stat_result:
    try:
        return rootpath.stat_in_root(rootfs, path, follow=False)
    except OSError as error:
        raise IdentityError(f"lstat {path}: {_reason(error)}") from error


def _look_up(rootfs: str, path: str, name: str, kind: str) -> int:
    try:
        text = rootpath.read_in_root(rootfs, path, limit=MAX_FILE).decode("utf-8", "replace")
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise IdentityError(f"open /{path}: {_reason(error)}") from error
    except ValueError as error:
        raise IdentityError(str(error)) from None
    for line in text.split("\n"):
        fields = line.split(":")
        if fields[0] == name and len(fields) > 2:
            number = _number(fields[2].strip())
            if number is None:
                raise IdentityError(f"/{path} has no number for {quote(name)}")
            return number
    raise _UnknownNameError(f"{quote(name)} {kind} not found")


def _reason(error: OSError) -> str:
    text = os.strerror(error.errno) if error.errno else str(error)
    return text[:1].lower() + text[1:]
