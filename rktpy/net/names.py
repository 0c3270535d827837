"""Pods of one network find each other by name: each running pod has a hosts file that says where
the others are. There is no daemon: who starts or collects a pod brings the files up to date.

/run/rktpy/net/names/<network>/         locked while anything in it, or a file made of it, changes
/run/rktpy/net/names/<network>/<uuid>   a pod of the network, as JSON
/run/rktpy/net/names/<network>/.told    pods of which all files tell, as of the last time that all
                                        were brought up to date: a line for each

Of many that start at once each writes its record before it waits for the lock, so one of them tells
of all that wait, and the others have nothing left to do.

So a hosts file is as old as the last start or end that rktpy was told of: the name of a pod that
has ended by itself leads to an address that nobody has until ``gc`` or ``rm`` collects the pod, or
another one joins the network. A record is dropped by whoever sees that its pod runs no more. A kill
leaves a record, or files that are not up to date; the next start or end in the network sees to
both.
"""

from __future__ import annotations

import os
import time

from rktpy.codec import CodecError, compact, parse
from rktpy.errors import RktError
from rktpy.host.files import is_full, read_regular, write_atomic
from rktpy.host.lock import lock_dir
from rktpy.layout import RUNTIME_DIR
from rktpy.net import hosts, runtime
from rktpy.net.neighbours import Neighbour, lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rktpy.net.outcome import Introduction

DIRECTORY = f"{RUNTIME_DIR}/net/names"
_TOLD = ".told"
_LIMIT = 1 << 20  # bytes; a pod has a few hundred


def announce(
    uuid: str,
    pod: str,
    who: Introduction,
    addresses: Mapping[str, Sequence[str]],
    is_running: Callable[[str], bool],
) -> tuple[str, ...]:
    """Tell the neighbours of the pod ``uuid`` in the directory ``pod``, and it of them.

    ``addresses`` are those it has in each network. Its hosts file is there (``hosts.prepare``).

    ``is_running`` is asked about directories of other pods, as they were given here. Returns what
    went wrong: a pod can do without names.
    """
    errors = []
    for network, found in addresses.items():
        came = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        me = Neighbour(uuid, pod, tuple(found), who.name, who.hostname, who.apps, came)
        try:
            directory = _directory(network)
            runtime.make(directory)
            _write(directory, me)
            with lock_dir(directory):
                if _line(me) not in _told(directory):
                    errors += _refresh(network, lambda place: place == pod or is_running(place))
        except (OSError, RktError) as error:
            errors.append(_text(network, error))
    return tuple(errors)


def withdraw(uuid: str, is_running: Callable[[str], bool]) -> tuple[str, ...]:
    """Have all networks forget the pod ``uuid``, which has ended; return what went wrong.

    Repeating it, or a pod that was never announced, is fine.
    """
    errors = []
    for network in _names(DIRECTORY):
        directory = _directory(network)
        if not os.path.lexists(f"{directory}/{uuid}"):
            continue
        try:
            with lock_dir(directory):
                errors += _refresh(network, is_running, leaving=uuid)
        except (OSError, RktError) as error:
            errors.append(_text(network, error))
    return tuple(errors)


def _refresh(network: str, is_running: Callable[[str], bool], *, leaving: str = "") -> list[str]:
    """Bring the hosts files of a network up to date, and drop the records of ``leaving`` and of
    pods that ended. These go last: a record that is left by a kill has somebody do all of it again.
    """
    directory, errors = _directory(network), []
    there, gone = [], []
    for uuid in _names(directory):
        one = _read(f"{directory}/{uuid}", uuid)
        if one is None or uuid == leaving or not is_running(one.pod):
            gone.append(uuid)
        else:
            there.append(one)
    text = lines(there)
    for one in there:
        try:
            hosts.change(one.pod, network, text)
        except (OSError, ValueError) as error:
            errors.append(_text(network, error))
    if not errors:
        _note_told(directory, there)
    for uuid in gone:
        _drop(f"{directory}/{uuid}")
    return errors


def _note_told(directory: str, there: Sequence[Neighbour]) -> None:
    """Note that the files of all who are ``there`` are up to date. Without it they are told again,
    so a full disk may go without it."""
    path = f"{directory}/{_TOLD}"
    try:
        if there:
            told = "".join(f"{_line(one)}\n" for one in there)
            write_atomic(path, told.encode(), mode=0o644, durable=False)
            return
    except OSError as error:
        if not is_full(error):
            raise
    _drop(path)


def _line(one: Neighbour) -> str:
    return f"{one.uuid} {one.came}"


def _told(directory: str) -> list[str]:
    try:
        return read_regular(f"{directory}/{_TOLD}", limit=_LIMIT).decode().splitlines()
    except (OSError, ValueError):
        return []


def _directory(network: str) -> str:
    """Return the directory of a network, whose name ``net.conf`` has looked at."""
    return f"{DIRECTORY}/{network}"


def _names(directory: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(directory) if not name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _write(directory: str, one: Neighbour) -> None:
    fields = {name: getattr(one, name) for name in Neighbour._fields_}
    lists = {"addresses": list(one.addresses), "apps": list(one.apps)}
    text = compact(fields | lists)
    write_atomic(f"{directory}/{one.uuid}", text.encode(), mode=0o644, durable=False)


def _read(path: str, uuid: str) -> Neighbour | None:
    """Return what the file says, None if it is not one of ours."""
    try:
        fields = parse(read_regular(path, limit=_LIMIT))
    except (CodecError, OSError, ValueError):
        return None
    if not isinstance(fields, dict) or fields.get("uuid") != uuid:
        return None
    texts = [fields.get(name) for name in ("pod", "name", "hostname")]
    lists = [fields.get(name) for name in ("addresses", "apps")]
    came = fields.get("came")
    if not all(isinstance(text, str) for text in texts) or type(came) is not int:
        return None
    for found in lists:
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            return None
    pod, name, hostname = (str(text) for text in texts)
    addresses, apps = (tuple(found or ()) for found in lists)
    return Neighbour(uuid, pod, addresses, name, hostname, apps, came)


def _drop(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except IsADirectoryError:
        pass  # not ours


def _text(network: str, error: Exception) -> str:
    why = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
    return f"names of pods in network {network}: {why}"
