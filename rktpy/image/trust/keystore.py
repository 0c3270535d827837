"""Which keys are trusted for which images.

<config>/trustedkeys/root.d/<fingerprint>               for every image
<config>/trustedkeys/prefix.d/<prefix>/<fingerprint>    for the image <prefix> and all below it

<config> is the vendor's directory, then the host's; keys are only ever added to the host's. A
later key replaces an earlier one of its name, an empty file takes it away.
"""

from __future__ import annotations

import itertools
import os
import stat

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, write_atomic
from rktpy.image.trust import openpgp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.appc.types import ACIdentifier
    from rktpy.image.trust.openpgp import PublicKey


class KeystoreError(RktError):
    """A trusted key cannot be read or stored. Nothing is verified then: it may be a mask."""


class Keystore:
    """The trusted keys of ``roots``: the vendor's configuration directory, then the host's."""

    __slots__ = ("_roots",)

    def __init__(self, roots: tuple[str, str]) -> None:
        self._roots = roots

    def keyring(self, name: str) -> tuple[PublicKey, ...]:
        """Return the keys that may sign the image ``name``.

        Raises:
            KeystoreError: a file on the way cannot be read, or is not the key its name says.
        """
        found: dict[str, tuple[str, bytes]] = {}
        for path in self._files(name):
            content = _read(path)
            fingerprint = os.path.basename(path)
            if content:
                found[fingerprint] = path, content
            else:
                found.pop(fingerprint, None)
        return tuple(_parsed(path, content) for path, content in found.values())

    def has_prefix_key(self, name: str) -> bool:
        """Return whether a key is there for ``name`` or a prefix of it; root keys do not count."""
        return any(_read(path) for path in self._prefix_files(name))

    def add_root(self, key: PublicKey) -> str:
        """Trust ``key`` for every image; return the file that says so."""
        return self._add("root.d", key)

    def add_prefix(self, prefix: ACIdentifier, key: PublicKey) -> str:
        """Trust ``key`` for ``prefix`` and all images below; return the file that says so.

        Raises:
            KeystoreError: it cannot be stored, or the prefix is not made of plain components.
        """
        if "/".join(_components(prefix)) != prefix:
            raise KeystoreError(
                f"cannot trust a key for {quote(prefix)}", hint="leave out //, /./ and /../"
            )
        return self._add(f"prefix.d/{prefix}", key)

    def _files(self, name: str) -> Iterator[str]:
        for root in self._roots:
            yield from _keys_in(f"{root}/trustedkeys/root.d")
        yield from self._prefix_files(name)

    def _prefix_files(self, name: str) -> Iterator[str]:
        """Yield key files of ``name`` and its prefixes, whole components, shortest first.

        A name may hold dots that are a way out of the keystore; from there on nothing counts.
        """
        parts = _components(name)
        for root in self._roots:
            for count in range(1, len(parts) + 1):
                yield from _keys_in(f"{root}/trustedkeys/prefix.d/{'/'.join(parts[:count])}")

    def _add(self, where: str, key: PublicKey) -> str:
        path = f"{self._roots[1]}/trustedkeys/{where}/{key.fingerprint}"
        try:
            _make_directories(os.path.dirname(path))
            write_atomic(path, key.content, mode=0o644)
        except OSError as error:
            raise KeystoreError(f"cannot store the key in {os.path.dirname(path)}") from error
        return path


def _components(name: str) -> list[str]:
    """Return the components of an image name up to the first that is no name of a directory."""
    return list(itertools.takewhile(lambda part: part not in ("", ".", ".."), name.split("/")))


def _keys_in(directory: str) -> list[str]:
    """Return the key files directly in ``directory``, by name. Other names are none of ours."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(e.name for e in entries if _is_key(e))
        if names:
            _check_writers(directory, os.stat(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unloadable(directory) from error
    return [f"{directory}/{name}" for name in names]


def _is_key(entry: os.DirEntry[str]) -> bool:
    """A directory is a longer prefix; our unfinished file begins with a dot."""
    return not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=False)


def _read(path: str) -> bytes:
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            raise _unloadable(path)
        _check_writers(path, info)
        return read_bytes(path, limit=openpgp.LIMIT)
    except (OSError, ValueError) as error:
        raise _unloadable(path) from error


def _parsed(path: str, content: bytes) -> PublicKey:
    fingerprint = os.path.basename(path)
    try:
        key = openpgp.read_key(content)
    except openpgp.KeyFileError as error:
        raise _unloadable(path) from error
    if key.fingerprint != fingerprint:
        raise KeystoreError(
            f"fingerprint mismatch: {quote(fingerprint)}:{quote(key.fingerprint)}",
            hint=f"rename {path}: a key file is called as its fingerprint, in lower case",
        )
    return key


def _check_writers(path: str, info: os.stat_result) -> None:
    """Refuse what anybody may write: then anybody may say whom to trust."""
    if info.st_mode & stat.S_IWOTH:
        raise KeystoreError(
            f"keystore: error loading keyring: anybody can write {path}",
            hint=f"look at what is in it, then: chmod o-w {path}",
        )


def _unloadable(path: str) -> KeystoreError:
    return KeystoreError(f"keystore: error loading keyring: {path}")


def _make_directories(path: str) -> None:
    """Create ``path`` and its parents with mode 0755, whatever the umask."""
    if os.path.isdir(path):
        return
    _make_directories(os.path.dirname(path))
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    os.chmod(path, 0o755)  # noqa: S103 - as rkt; keys are public
