"""Capabilities of an app (rkt-cli.md 12.5)."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.row import App, Image, Row, both, one_pod

_DEFAULT = [
    "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap",
]  # fmt: skip
_ALL = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
    "setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
    "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace",
    "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time",
    "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend",
]  # fmt: skip
_NOT_OF_NSPAWN = {
    "net_admin", "ipc_lock", "sys_module", "sys_rawio", "sys_pacct", "sys_time", "mknod",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend",
}  # fmt: skip
_OF_NSPAWN = [name for name in _ALL if name not in _NOT_OF_NSPAWN]  # its default, 25 of them
_SEVERAL = ["chown", "fowner", "net_admin", "sys_admin"]
_NET = ("NET_ADMIN", "NET_BIND_SERVICE")
_NET_BIND_SERVICE, _NET_ADMIN, _MKNOD = 10, 12, 27


def rows() -> list[Row]:
    return [*_restricted(), *_overridden(), *_insecure(), *_both_stages()]


def _without(*names: str) -> list[str]:
    return [name for name in _DEFAULT if name not in names]


def _names(names: list[str]) -> str:
    """Return the expression for a list; a machine that is a container may lack one itself."""
    return ", ".join(names).replace("sys_resource, ", "(sys_resource, )?")


def _listed(names: list[str]) -> str:
    return f"Capability set: bounding: {_names(names)} \\("


def _written(names: list[str]) -> list[str]:
    return [f"CAP_{name.upper()}" for name in names]


def _isolator(kind: str, names: list[str]) -> dict[str, Any]:
    value = {"set": _written(names)}
    return {"isolators": [{"name": f"os/linux/capabilities-{kind}-set", "value": value}]}


# What is asked for, and what comes of it.
_RESTRICTIONS: tuple[tuple[str, str, list[str], list[str]], ...] = (
    ("nothing said", "", [], _DEFAULT),
    ("keep one that is not there", "retain", ["net_admin"], ["net_admin"]),
    ("keep one", "retain", ["chown"], ["chown"]),
    ("keep four", "retain", ["chown", "fowner", "sys_admin", "net_admin"], _SEVERAL),
    ("keep 25", "retain", _OF_NSPAWN[::-1], _OF_NSPAWN),
    ("remove one", "remove", ["chown"], _without("chown")),
    ("remove one that is not there", "remove", ["sys_admin"], _DEFAULT),
    ("remove both", "remove", ["chown", "sys_admin"], _without("chown")),
    ("remove all", "remove", _DEFAULT, []),
    ("remove all and one that is not there", "remove", [*_DEFAULT, "sys_admin"], []),
    ("remove all but one", "remove", _without("sys_chroot"), ["sys_chroot"]),
)  # fmt: skip


def _restricted() -> list[Row]:
    bare = Image(("--print-caps-pid=0",), app={"isolators": []})
    images, options = [], []
    for row, kind, names, expect in _RESTRICTIONS:
        of_image = Image(bare.arguments, app=_isolator(kind, names) if kind else bare.app)
        images.append(App(f"image: {row}", of_image, _listed(expect)))
        words = (f"--caps-{kind}={','.join(_written(names))}",) if kind else ()
        options.append(App(f"option: {row}", bare, _listed(expect), words))
    options += [
        App("former option: keep one", bare, _listed(["net_admin"]),
            ("--cap-retain=CAP_NET_ADMIN",)),
        App("former option: remove one", bare, _listed(_without("chown")),
            ("--cap-remove=CAP_CHOWN",)),
    ]  # fmt: skip
    return [*one_pod(images), *one_pod(options)]


def _overridden() -> list[Row]:
    def app(row: str, kind: str, name: str, option: str, expect: list[str]) -> App:
        image = Image(("--print-caps-pid=0",), app=_isolator(kind, [name]))
        return App(row, image, _listed(expect), (option,))

    return one_pod(
        [
            app("keep over the image's keep", "retain", "mknod", "--cap-retain=CAP_SYS_ADMIN",
                ["sys_admin"]),
            app("keep over the image's remove", "remove", "chown", "--cap-retain=CAP_SYS_ADMIN",
                ["sys_admin"]),
            app("remove over the image's remove", "remove", "chown", "--cap-remove=CAP_KILL",
                _without("kill")),
            app("remove over the image's keep", "retain", "mknod", "--cap-remove=CAP_KILL",
                _without("kill")),
        ]
    )  # fmt: skip


def _insecure() -> list[Row]:
    image = Image(("--print-caps-pid=0",))
    found: list[Row] = []
    bounded = ("image", "image,ondisk,paths", "all-fetch")
    every = ("image,capabilities", "image,ondisk,paths,capabilities", "all-fetch,capabilities",
             "all")  # fmt: skip
    for insecure in (*bounded, *every):
        expect = _listed(_DEFAULT) if insecure in bounded else f"bounding: {_names(_ALL)}"
        found += both(f"with {insecure}", ["{image}"], [image], expect, insecure=insecure)
    return found


def _both_stages() -> list[Row]:
    """Return rows about one capability in stage1 (PID 1) and in the app, as root and as a user."""
    found: list[Row] = []
    for row, kept, number, stage1, app in (
        ("net_admin, nothing said", (), _NET_ADMIN, "disabled", "disabled"),
        ("mknod, nothing said", (), _MKNOD, "enabled", "enabled"),
        ("net_admin, kept with another", _NET, _NET_ADMIN, "enabled", "enabled"),
        ("net_bind_service, kept with another", _NET, _NET_BIND_SERVICE, "enabled", "enabled"),
        ("net_admin, only another kept", _NET[1:], _NET_ADMIN, "disabled", "disabled"),
    ):
        kind = _isolator("retain", list(kept)) if kept else {"isolators": []}
        for who, uid in (("root", 0), ("a user", 9000)):
            user = {"user": str(uid), "group": str(uid)}
            found += _stages(f"{row}, {who}", kind | user, number, (stage1, app), uid)
    return found


def _stages(
    row: str, app: dict[str, Any], number: int, states: tuple[str, str], uid: int
) -> list[Row]:
    name = _ALL[number]
    user = f"User: uid={uid} euid={uid} gid={uid} egid={uid}"
    apps = [
        App(
            f"{stage}: {row}",
            Image((f"--print-caps-pid={pid}", "--print-user"), app=app),
            f"{name}={state}(?s:.*){user}",
        )
        for stage, pid, state in (("stage1", 1, states[0]), ("app", 0, states[1]))
    ]
    return one_pod(apps, f"--set-env=CAPABILITY={number}")
