"""The environment of an app: where its variables come from, and the two files that carry it.

The files disagree on purpose. ``/rkt/env/<app>`` is rkt's, for its tools: ``NAME=VALUE`` verbatim,
which cannot carry line ends. systemd parses ``EnvironmentFile=`` like a shell, so it gets its own,
quoted, which carries everything; ``enter`` reads that too.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import files
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What an app may rely on if nobody sets it. Not adapted to the app's user, as in rkt.
DEFAULTS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/sh",
    "USER": "root",
    "LOGNAME": "root",
    "HOME": "/root",
    "container": "rkt",  # promised by appc though not by rkt; the name that systemd knows us by
}
MAX_FILE = 1 << 20  # bytes of one --set-env-file
# What the host's systemd tells one process of its own about itself (systemd.exec(5)). An app has
# another systemd, whose words these would hide.
_ADDRESSED = frozenset(
    ("INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "MAINPID",
     "NOTIFY_SOCKET", "SYSTEMD_EXEC_PID", "WATCHDOG_PID", "WATCHDOG_USEC")
)  # fmt: skip
_LONGEST = 1 << 17  # bytes of NAME=VALUE and its NUL (kernel: MAX_ARG_STRLEN)

_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_REST = _FIRST | frozenset("0123456789.-")
_SYSTEMD_NAME = _FIRST | frozenset("0123456789")
_SYSTEMD_QUOTING = {ord(character): "\\" + character for character in '"\\$`'}


class VariableError(RktError):
    """A variable or a file of variables cannot be used."""


def is_name(text: str) -> bool:
    """Return whether a manifest may hold a variable of this name."""
    return text[:1] in _FIRST and _REST.issuperset(text)


def reaches_apps(name: str) -> bool:
    """Return whether systemd hands a variable of this name to a program: no ``.`` and no ``-``."""
    return _SYSTEMD_NAME.issuperset(name)


def read_files(paths: Iterable[str]) -> dict[str, str]:
    """Return the variables of all ``--set-env-file`` files.

    Raises:
        VariableError: a file cannot be read, or a line is wrong or repeats a name.
    """
    found: dict[str, str] = {}
    for path in paths:
        try:
            text = files.read_bytes(path, limit=MAX_FILE).decode("utf-8")
        except (OSError, ValueError) as error:
            raise VariableError(f"cannot read environment file {quote(path)}") from error
        for name, value in parse_file(text, path).items():
            if name in found:
                raise _repeated(name, path)
            found[name] = value
    return found


def parse_file(text: str, path: str) -> dict[str, str]:
    """Return the variables of an environment file; ``path`` is for the messages.

    Blank lines and lines starting with ``#`` or ``;`` say nothing. Values are verbatim.

    Raises:
        VariableError: a line is no ``name=value``, or repeats a name.
    """
    found: dict[str, str] = {}
    for line in text.split("\n"):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        name, equals, value = line.rstrip("\r").lstrip().partition("=")
        if not equals or not name:
            raise VariableError(
                f"environment variable must be specified as name=value (file {quote(path)})"
            )
        if name in found:
            raise _repeated(name, path)
        _check_name(name)
        found[name] = value
    return found


def inherited(caller: Mapping[bytes, bytes] | None = None) -> dict[str, str]:
    """Return what ``--inherit-env`` takes over from ``caller`` (default: this process).

    Names that no manifest can hold (``BASH_FUNC_x%%``) stay behind, and so does what systemd
    said to the caller alone. Bytes that are not UTF-8 become replacement characters, as JSON has
    no other way.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in (os.environb if caller is None else caller).items():
        name = raw_name.decode("utf-8", "replace")
        if is_name(name) and name not in _ADDRESSED:
            found[name] = raw_value.decode("utf-8", "replace")
    return found


class Sources(Value):
    """The pod-wide sources of variables, in the order they are applied (rkt-cli 6.1)."""

    inherited: Mapping[str, str]
    files: Mapping[str, str]
    pairs: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.inherited or self.files or self.pairs)

    def apply(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return the app's ``own`` variables (image, then ``--environment``) completed by the
        inherited ones and overridden by files and then ``--set-env``."""
        return {**self.inherited, **own, **self.files, **self.pairs}


NO_SOURCES = Sources(inherited={}, files={}, pairs={})


def app_environment(own: Mapping[str, str], *, app: str, metadata_url: str = "") -> dict[str, str]:
    """Return the whole environment of ``app``: defaults where ``own`` has none, what rkt
    promises besides, and ``own``."""
    found = {name: value for name, value in DEFAULTS.items() if name not in own}
    found.update(own)
    found["AC_APP_NAME"] = app
    if metadata_url:
        found["AC_METADATA_URL"] = metadata_url
    return found


def enter_file(environment: Mapping[str, str]) -> bytes:
    """Return ``/rkt/env/<app>``: a line per variable, verbatim.

    A value of several lines stays several lines, as in rkt; readers see only the first.

    Raises:
        VariableError: a value holds a NUL byte, or is longer than the kernel takes.
    """
    return _encode("".join(f"{name}={_value(environment, name)}\n" for name in environment))


def systemd_file(environment: Mapping[str, str]) -> bytes:
    """Return the text of an ``EnvironmentFile=``: nothing is lost, line ends included.

    Raises:
        VariableError: a value holds a NUL byte, or is longer than the kernel takes.
    """
    return _encode(
        "".join(
            f'{name}="{_value(environment, name).translate(_SYSTEMD_QUOTING)}"\n'
            for name in environment
        )
    )


def parse_systemd_file(data: bytes) -> dict[str, str]:
    """Return the variables that ``systemd_file`` wrote.

    Raises:
        ValueError: it did not write this.
    """
    text = data.decode("utf-8", "surrogateescape")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        equals = text.index('="', at)
        name, at, pieces = text[at:equals], equals + 2, []
        while (escape := text.find("\\", at, text.index('"', at))) >= 0:
            pieces += [text[at:escape], text[escape + 1 : escape + 2]]
            at = escape + 2
        end = text.index('"', at)
        found[name] = "".join((*pieces, text[at:end]))
        at = end + 2  # the quote and the line end
    return found


def _value(environment: Mapping[str, str], name: str) -> str:
    value = environment[name]
    if "\0" in value:
        raise VariableError(f"environment variable {quote(name)} holds a NUL byte")
    if len(name) + len(value.encode("utf-8", "replace")) + 2 > _LONGEST:
        raise VariableError(
            f"environment variable {quote(name)} is longer than the {_LONGEST} bytes that a"
            " program can be given"
        )
    return value


def _encode(text: str) -> bytes:
    # Lone surrogates can come from \ud800 in a manifest; systemd refuses what is not UTF-8.
    return text.encode("utf-8", "replace")


def _check_name(name: str) -> None:
    if not name:
        raise VariableError("environment variable name must not be empty")
    if not is_name(name):
        raise VariableError(f"environment variable does not have valid identifier {quote(name)}")


def _repeated(name: str, path: str) -> VariableError:
    return VariableError(f"environment variable {quote(name)} already set (file {quote(path)})")
