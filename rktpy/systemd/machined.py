"""The machine manager (``org.freedesktop.machine1``): may pods register, and who has.

nspawn does the registering itself; after the exec nobody could react to its refusal, so it is
asked for only where ``usable`` says that it will work (rkt: stage1/init, ``canMachinedRegister``).
"""

from __future__ import annotations

from rktpy.systemd.bus import BusError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.systemd.bus import Bus

DESTINATION = "org.freedesktop.machine1"
PATH = "/org/freedesktop/machine1"
INTERFACE = "org.freedesktop.machine1.Manager"

NO_SUCH_MACHINE = "org.freedesktop.machine1.NoSuchMachine"
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
    return f"rkt-{uuid}"


def usable(bus: Bus) -> bool:
    """Return whether machined is there, starts if it must, and knows the calls nspawn makes.

    Raises:
        BusError: the bus itself fails. A machined that cannot be started is a plain no.
    """
    if not bus.name_has_owner(DESTINATION) and DESTINATION not in bus.names_activatable():
        return False
    try:
        (xml,) = bus.call(DESTINATION, PATH, _INTROSPECTABLE, "Introspect")
    except BusError as error:
        if error.name.startswith("org.freedesktop.DBus.Error.") and "Disconnected" in error.name:
            raise
        return False
    # The manager's part of the description; a name in quotes is one member, not a prefix.
    _, found, description = str(xml).partition(f'"{INTERFACE}"')
    members = description.partition("</interface>")[0] if found else ""
    return all(f'"{method}"' in members for method in _NEEDED)


def machines(bus: Bus) -> tuple[Machine, ...]:
    """Return all registered machines.

    Raises:
        BusError: machined does not answer.
    """
    (rows,) = bus.call(DESTINATION, PATH, INTERFACE, "ListMachines")
    return tuple(Machine(name, kind, service, path) for name, kind, service, path in rows)


def leader(bus: Bus, name: str) -> int | None:
    """Return the host's number of the machine's PID 1, None if there is no such machine.

    Raises:
        BusError: machined does not answer.
    """
    path = _find(bus, name)
    if path is None:
        return None
    return int(bus.get_property(DESTINATION, path, "org.freedesktop.machine1.Machine", "Leader"))


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
