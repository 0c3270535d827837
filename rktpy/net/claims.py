"""Which ports of the host belong to which pod, so that a conflict is told before anything starts.

/run/rktpy/net/ports/      locked while anything in it is read or written
├── pods/<uuid>             names of the files below that have a line of this pod
└── <protocol>-<number>     claims on 64 ports, a line each:
                            [uuid, first, last, address, pod directory, host]

``host`` is the network namespace whose port it is: a unit may have one of its own. A line without
one, of an older version, counts everywhere. A claim costs the same however many pods there are.
Files are replaced whole, and a pod's list is written before its claims and removed after them: what
a kill leaves, ``release`` takes, or the next pod that wants the port, once the owner has ended.
Lines that cannot be read are dropped.
"""

from __future__ import annotations

import os

from rktpy.appc.hostip import same_place, spelled
from rktpy.codec import CodecError, compact, parse
from rktpy.errors import RktError
from rktpy.host import lock
from rktpy.layout import RUNTIME_DIR
from rktpy.net import listeners, runtime
from rktpy.net.firewall.applying import remove
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rktpy.net.rules import Published

DIRECTORY = f"{RUNTIME_DIR}/net/ports"
_SPAN = 64  # ports of one file
_MAX_FILE = 1 << 20  # bytes; 64 ports on some addresses have a few thousand


class ClaimError(RktError):
    """A port of the host belongs to somebody else."""


class _Claim(Value):
    uuid: str
    first: int
    last: int
    host_ip: str
    pod: str  # its directory
    host: str  # ``runtime.here``, "" if not known


def claim(
    uuid: str, pod: str, published: Iterable[Published], is_running: Callable[[str], bool]
) -> None:
    """Take ``published`` for the pod ``uuid`` in the directory ``pod``, all or nothing.

    ``is_running`` is asked about directories of other pods, as they were given here. One that has
    ended loses its ports, and its rules, which could win over ours.

    Raises:
        ClaimError: a running pod or a process of the host has one of the ports.
        FirewallError: the rules of a pod that has ended cannot be removed.
    """
    wanted = tuple(published)
    if not wanted:
        return
    try:
        with _locked():
            ended = _check(uuid, wanted, is_running)
            for port in wanted:
                process = listeners.find(port)
                if process:
                    _refuse_process(port, process)
            for other in ended:
                remove(other)
            _write(uuid, pod, wanted, ended)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ClaimError(f"cannot claim ports of the host in {DIRECTORY}: {why}") from error


def publishes(uuid: str, protocol: str) -> bool:
    """Return whether the pod has ports of ``protocol``, as far as nobody took them over."""
    return any(name.startswith(f"{protocol}-") for name in _text(f"pods/{uuid}").split("\n"))


def release(uuid: str) -> None:
    """Give up whatever the pod has; nothing is fine.

    Raises:
        ClaimError: the disk says no.
    """
    if not os.path.lexists(f"{DIRECTORY}/pods/{uuid}"):
        return
    try:
        with _locked():
            _drop(uuid)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ClaimError(f"cannot release the ports of pod {uuid}: {why}") from error


def _locked() -> lock.Lock:
    runtime.make(f"{DIRECTORY}/pods")
    return lock.lock_dir(DIRECTORY)


def _check(
    uuid: str, wanted: Iterable[Published], is_running: Callable[[str], bool]
) -> dict[str, None]:
    """Return the pods that have ended and still claim a port of ``wanted``.

    Raises:
        ClaimError: a running pod has one of the ports.
    """
    here = runtime.here()
    ended: dict[str, None] = {}
    asked: dict[str, bool] = {}
    for port in wanted:
        last = port.host_port + port.count - 1
        for name in _files(port):
            for other in _read(name):
                if other.uuid == uuid or other.last < port.host_port or other.first > last:
                    continue
                if other.host not in ("", here) or not same_place(other.host_ip, port.host_ip):
                    continue
                if other.pod not in asked:
                    asked[other.pod] = is_running(other.pod)
                if asked[other.pod]:
                    _refuse_pod(port, other)
                ended[other.uuid] = None
    return ended


def _refuse_pod(port: Published, other: _Claim) -> None:
    number = max(port.host_port, other.first)
    raise ClaimError(
        f"port {spelled(port.protocol, port.host_ip, number)} is published by pod {other.uuid}",
        hint=f"publish another port, or stop it with: rktpy stop {other.uuid}",
    )


def _refuse_process(port: Published, number: int) -> None:
    flag = {"tcp": "t", "udp": "u"}.get(port.protocol, "S")
    raise ClaimError(
        f"port {spelled(port.protocol, port.host_ip, number)} is in use by a process of the host",
        hint=f"publish another port, or find the process with: ss -lnp{flag} sport = :{number}",
    )


def _write(uuid: str, pod: str, wanted: Iterable[Published], ended: Mapping[str, None]) -> None:
    gone, here = {uuid, *ended}, runtime.here()
    for other in gone:
        _drop(other)
    added: dict[str, list[_Claim]] = {}
    for port in wanted:
        last = port.host_port + port.count - 1
        mine = _Claim(uuid, port.host_port, last, port.host_ip, pod, here)
        for name in _files(port):
            added.setdefault(name, []).append(mine)
    _replace(f"pods/{uuid}", "".join(f"{name}\n" for name in added))
    for name, claims in added.items():
        # Lists may be lost: of those that are gone nothing may stay where we look.
        _store(name, [*(one for one in _read(name) if one.uuid not in gone), *claims])


def _drop(uuid: str) -> None:
    """Remove the claims that the pod's list names, and the list. Without a readable one its claims
    stay, until somebody wants the ports."""
    for name in _text(f"pods/{uuid}").split("\n"):
        protocol, dash, number = name.partition("-")
        if dash and protocol.isalpha() and number.isdigit():
            claims = _read(name)
            left = [one for one in claims if one.uuid != uuid]
            if len(left) != len(claims):
                _store(name, left)
    _unlink(f"{DIRECTORY}/pods/{uuid}")


def _files(port: Published) -> list[str]:
    last = port.host_port + port.count - 1
    numbers = range(port.host_port // _SPAN, last // _SPAN + 1)
    return [f"{port.protocol}-{number}" for number in numbers]


def _read(name: str) -> list[_Claim]:
    found = []
    for line in _text(name).splitlines():
        try:
            value = parse(line.encode("utf-8", "surrogateescape"))
        except CodecError:
            continue
        if not isinstance(value, list) or len(value) not in (5, 6):
            continue
        uuid, first, last, host_ip, pod, host = (*value, "")[:6]
        texts = all(isinstance(text, str) for text in (uuid, host_ip, pod, host))
        # A UUID becomes part of a path.
        if texts and type(first) is int and type(last) is int and "/" not in uuid:
            found.append(_Claim(uuid, first, last, host_ip, pod, host))
    return found


def _store(name: str, claims: Iterable[_Claim]) -> None:
    lines = [
        compact([one.uuid, one.first, one.last, one.host_ip, one.pod, one.host]) + "\n"
        for one in claims
    ]
    if lines:
        _replace(name, "".join(lines))
    else:
        _unlink(f"{DIRECTORY}/{name}")


def _text(name: str) -> str:
    """Return the text of a file below ``DIRECTORY``, "" if it cannot be read."""
    try:
        fd = os.open(f"{DIRECTORY}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(fd, _MAX_FILE).decode("utf-8", "surrogateescape")
    except OSError:
        return ""  # a directory
    finally:
        os.close(fd)


def _replace(name: str, text: str) -> None:
    """Write a whole file; the lock makes us the only one who does."""
    path, aside = f"{DIRECTORY}/{name}", f"{DIRECTORY}/.new"
    with open(aside, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    try:
        os.rename(aside, path)
    except IsADirectoryError:
        os.rename(path, f"{path}.{os.urandom(4).hex()}")  # whosever it is, it is in the way
        os.rename(aside, path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except (FileNotFoundError, IsADirectoryError):
        pass
