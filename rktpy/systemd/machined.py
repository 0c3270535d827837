"""The machine manager (``org.freedesktop.machine1``): can pods be registered, and which are.

nspawn registers the pod itself. Nobody could react to a refusal after the exec, so registration is
requested only where ``usable`` says that it will work (rkt: stage1/init, ``canMachinedRegister``).
"""

from __future__ import annotations

from rktpy.systemd.bus import (
    CALL_TIMEOUT,
    DISCONNECTED,
    PROPERTIES,
    UNKNOWN_METHOD,
    UNKNOWN_OBJECT,
    BusError,
    BusTimeoutError,
    Wanted,
)
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.systemd.bus import Bus, Reply

DESTINATION = "org.freedesktop.machine1"
PATH = "/org/freedesktop/machine1"
INTERFACE = "org.freedesktop.machine1.Manager"

# Arguments of both: the machine's name, its object path.
MACHINE_NEW = Wanted(DESTINATION, PATH, INTERFACE, "MachineNew")
MACHINE_REMOVED = Wanted(DESTINATION, PATH, INTERFACE, "MachineRemoved")

NO_SUCH_MACHINE = "org.freedesktop.machine1.NoSuchMachine"
_MACHINE = "org.freedesktop.machine1.Machine"
_OF_PODS = "rkt-"
_INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
_NEEDED = ("CreateMachineWithNetwork", "RegisterMachineWithNetwork")  # systemd >= 216


class Machine(Value):
    """A registered machine."""

    name: str
    kind: str  # "container" or "vm"
    service: str  # who registered it: "rkt" for pods, "systemd-nspawn", "libvirt-qemu"
    path: str  # object path


def machine_name(uuid: str) -> str:
    """Return the name under which the pod ``uuid`` is registered."""
    return f"{_OF_PODS}{uuid}"


def pod_of(name: str) -> str:
    """Return the UUID in the name of a pod's machine; "" if it is not a pod's."""
    return name.removeprefix(_OF_PODS) if name.startswith(_OF_PODS) else ""


def usable(bus: Bus, *, timeout: float = CALL_TIMEOUT) -> bool:
    """Return whether machined is there, starts if it must, and knows the calls nspawn makes.

    ``timeout`` is how many seconds it gets to describe itself.

    Raises:
        BusTimeoutError: the bus, or machined, does not answer in time.
        BusError: the bus itself fails. A machined that cannot be started is a plain no.
    """
    if not bus.name_has_owner(DESTINATION) and DESTINATION not in bus.names_activatable():
        return False
    try:
        (xml,) = bus.call(DESTINATION, PATH, _INTROSPECTABLE, "Introspect", timeout=timeout)
    except BusTimeoutError:
        raise
    except BusError as error:
        if error.name == DISCONNECTED:
            raise
        return False
    # The manager's part of the description; a name in quotes is one member, not a prefix.
    _, found, description = str(xml).partition(f'"{INTERFACE}"')
    members = description.partition("</interface>")[0] if found else ""
    return all(f'"{method}"' in members for method in _NEEDED)


def ask_for_all(bus: Bus) -> int:
    """Ask for all registered machines without waiting; ``machines`` reads the reply."""
    return bus.send(DESTINATION, PATH, INTERFACE, "ListMachines")


def machines(reply: Reply) -> tuple[Machine, ...]:
    """Return the machines in the reply to ``ask_for_all``.

    Raises:
        BusError: machined, or the bus for it, refused.
    """
    if reply.error is not None:
        raise reply.error
    (rows,) = reply.values
    return tuple(Machine(name, kind, service, path) for name, kind, service, path in rows)


def ask_since_when(bus: Bus, path: str) -> int:
    """Ask when a machine was registered without waiting; ``registered_at`` reads the reply."""
    return bus.send(DESTINATION, path, PROPERTIES, "Get", "ss", (_MACHINE, "Timestamp"))


def registered_at(reply: Reply) -> int | None:
    """Return when a machine was registered, in nanoseconds since 1970; None if it is gone.

    Raises:
        BusError: machined, or the bus for it, refused.
    """
    if reply.error is None:
        return int(reply.values[0]) * 1000
    if reply.error.name in (UNKNOWN_OBJECT, UNKNOWN_METHOD, NO_SUCH_MACHINE):
        return None
    raise reply.error


def leader(bus: Bus, name: str) -> int | None:
    """Return the host's number of the machine's PID 1, None if there is no such machine.

    Raises:
        BusError: machined does not answer.
    """
    path = _find(bus, name)
    if path is None:
        return None
    return int(bus.get_property(DESTINATION, path, _MACHINE, "Leader"))


def terminate(bus: Bus, name: str) -> bool:
    """Kill all processes of the machine and forget it; return whether it was there.

    Raises:
        BusError: machined does not answer or refuses.
    """
    try:
        bus.call(DESTINATION, PATH, INTERFACE, "TerminateMachine", "s", (name,))
    except BusError as error:
        if error.name == NO_SUCH_MACHINE:
            return False
        raise
    return True


def _find(bus: Bus, name: str) -> str | None:
    try:
        (path,) = bus.call(DESTINATION, PATH, INTERFACE, "GetMachine", "s", (name,))
    except BusError as error:
        if error.name == NO_SUCH_MACHINE:
            return None
        raise
    return str(path)
