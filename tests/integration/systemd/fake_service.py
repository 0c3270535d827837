"""A service on a private bus, run as a program: ``fake_service.py ADDRESS ROLE``.

Roles: ``example`` has one method per thing the port must cope with; ``systemd1`` and
``machine1`` answer what rktpy asks of the real ones. Ends when the bus hangs up.

``Shout`` sends its argument as a signal. ``Add`` and ``Remove`` change what ``ListMachines`` says,
with the signals of machined, or without if the second argument is "quietly"; while one is called
"deaf", ``ListMachines`` has no answer.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_call,
    new_method_return,
    new_signal,
)
from jeepney.io.blocking import open_dbus_connection

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {
    "example": "org.example.Fake",
    "systemd1": "org.freedesktop.systemd1",
    "machine1": "org.freedesktop.machine1",
    "old-machine1": "org.freedesktop.machine1",
}

Reply = tuple[str, tuple[Any, ...]]


class RefusalError(Exception):
    """Answered as a D-Bus error."""


def hang(*_args: object) -> Reply | None:
    return None


def refuse(*_args: object) -> Reply:
    raise RefusalError("org.example.Error.Broken", "it is broken")


def main_pid() -> int:
    return int(os.environ.get("FAKE_MAIN_PID", "0"))


UNIT = "/org/freedesktop/systemd1/unit/foo_2eservice"
MANY = {"a": ("u", 7), "b": ("ay", b"\x01\x02"), "c": ("v", ("s", "x"))}

MACHINES = {"rkt-x": "/m/x"}
TIMESTAMP = 1_700_000_000_000_000  # of every machine, microseconds
SIGNALS: list[Message] = []  # to be sent before the next reply


def shout(member: str, *words: str) -> Reply:
    at = DBusAddress("/org/example/Fake", interface="org.example.Fake")
    SIGNALS.append(new_signal(at, member, "s" * len(words), words))
    return ("", ())


def add(name: str, how: str) -> Reply:
    MACHINES[name] = f"/m/{len(MACHINES)}"
    return told("MachineNew", name, MACHINES[name], how)


def remove(name: str, how: str) -> Reply:
    return told("MachineRemoved", name, MACHINES.pop(name), how)


def told(member: str, name: str, path: str, how: str) -> Reply:
    at = DBusAddress("/org/freedesktop/machine1", interface="org.freedesktop.machine1.Manager")
    if how != "quietly":
        SIGNALS.append(new_signal(at, member, "so", (name, path)))
    return ("", ())


def list_machines() -> Reply | None:
    if "deaf" in MACHINES:
        return None
    rows = [(name, "container", "rkt", path) for name, path in MACHINES.items()]
    return ("a(ssso)", (rows,))


def of_machine(_interface: str, name: str) -> Reply:
    return ("v", (("t", TIMESTAMP) if name == "Timestamp" else ("u", 42),))


METHODS: dict[str, dict[str, tuple[str, str, Callable[..., Reply | None]]]] = {
    "example": {
        "org.example.Fake.Nothing": ("", "", lambda: ("", ())),
        "org.example.Fake.Echo": ("s", "s", lambda text: ("s", (text,))),
        "org.example.Fake.Bytes": ("ay", "ay", lambda data: ("ay", (data,))),
        "org.example.Fake.Two": ("", "su", lambda: ("su", ("a", 1))),
        "org.example.Fake.Pair": ("", "(su)", lambda: ("(su)", (("a", 1),))),
        "org.example.Fake.Rows": ("", "a(sb)", lambda: ("a(sb)", ([("x", True), ("y", False)],))),
        "org.example.Fake.Many": ("", "a{sv}", lambda: ("a{sv}", (MANY,))),
        "org.example.Fake.Keys": ("a(sv)", "as", lambda rows: ("as", ([k for k, _ in rows],))),
        "org.example.Fake.Refuse": ("", "", refuse),
        "org.example.Fake.Hang": ("", "", hang),
        "org.example.Fake.Shout": ("ss", "", shout),
        "org.freedesktop.DBus.Properties.Get": ("ss", "v", lambda _i, _n: ("v", (("s", "value"),))),
    },
    "systemd1": {
        "org.freedesktop.systemd1.Manager.GetUnitByPID": ("u", "o", lambda _pid: ("o", (UNIT,))),
        "org.freedesktop.DBus.Properties.Get": (
            "ss",
            "v",
            lambda _i, name: (
                "v",
                (("u", main_pid()) if name == "MainPID" else ("s", "foo.service"),),
            ),
        ),
    },
    "machine1": {
        "org.freedesktop.machine1.Manager.CreateMachineWithNetwork": ("", "o", hang),
        "org.freedesktop.machine1.Manager.RegisterMachineWithNetwork": ("", "o", hang),
        "org.freedesktop.machine1.Manager.ListMachines": (
            "",
            "a(ssso)",
            list_machines,
        ),
        "org.freedesktop.machine1.Manager.GetMachine": ("s", "o", lambda name: machine(name)),
        "org.freedesktop.machine1.Manager.TerminateMachine": (
            "s",
            "",
            lambda name: ("", machine(name)[1][1:]),
        ),
        "org.freedesktop.DBus.Properties.Get": ("ss", "v", of_machine),
        "org.freedesktop.machine1.Manager.Add": ("ss", "", add),
        "org.freedesktop.machine1.Manager.Remove": ("ss", "", remove),
    },
    # systemd 215: machines could not have networks yet.
    "old-machine1": {
        "org.freedesktop.machine1.Manager.CreateMachine": ("", "o", hang),
        "org.freedesktop.machine1.Manager.RegisterMachine": ("", "o", hang),
    },
}


def machine(name: str) -> Reply:
    if name not in MACHINES:
        raise RefusalError("org.freedesktop.machine1.NoSuchMachine", f"No machine '{name}' known")
    return ("o", (MACHINES[name],))


# What every service of sd-bus lists before its own.
_STANDARD = (
    '<interface name="org.freedesktop.DBus.Introspectable"><method name="Introspect">'
    '<arg name="data" type="s" direction="out"/></method></interface>'
)


def introspection(role: str) -> str:
    interfaces: dict[str, str] = {}
    for name, (taken, given, _function) in METHODS[role].items():
        interface, _, method = name.rpartition(".")
        args = "".join(f'<arg direction="in" type="{t}"/>' for t in types(taken))
        args += "".join(f'<arg direction="out" type="{t}"/>' for t in types(given))
        known = interfaces.get(interface, "")
        interfaces[interface] = f'{known}<method name="{method}">{args}</method>'
    body = "".join(f'<interface name="{i}">{m}</interface>' for i, m in interfaces.items())
    return f"<node>{_STANDARD}{body}</node>"


def types(signature: str) -> list[str]:
    return {"su": ["s", "u"], "ss": ["s", "s"]}.get(signature, [signature] if signature else [])


def answer(role: str, message: Message) -> Message | None:
    fields = message.header.fields
    name = f"{fields.get(HeaderFields.interface)}.{fields.get(HeaderFields.member)}"
    if name == "org.freedesktop.DBus.Introspectable.Introspect":
        return new_method_return(message, "s", (introspection(role),))
    if name not in METHODS[role]:
        return new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "s", (name,))
    try:
        reply = METHODS[role][name][2](*message.body)
    except RefusalError as refusal:
        return new_error(message, refusal.args[0], "s", (refusal.args[1],))
    return None if reply is None else new_method_return(message, reply[0] or None, reply[1])


def serve(address: str, role: str) -> None:
    connection = open_dbus_connection(address)
    bus = DBusAddress(
        "/org/freedesktop/DBus", bus_name="org.freedesktop.DBus", interface="org.freedesktop.DBus"
    )
    request = new_method_call(bus, "RequestName", "su", (NAMES[role], 0))
    connection.send_and_get_reply(request)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        message = connection.receive()
        if message.header.message_type is MessageType.method_call:
            reply = answer(role, message)
            while SIGNALS:
                connection.send(SIGNALS.pop(0))
            if reply is not None:
                connection.send(reply)


if __name__ == "__main__":
    try:
        serve(sys.argv[1], sys.argv[2])
    except ConnectionError:
        sys.exit(0)
