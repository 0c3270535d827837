"""Pods that a manifest describes, run at once and prepared before (rkt-cli.md 12.11)."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.row import FAILED, Image, Row, Run, both, place, run, said

_OPTION = ("--pod-manifest={manifest}",)
_FILE = "--file-name=/dir1/file"
_REFUSED = 'Cannot write to file "/dir1/file": open /dir1/file: read-only file system'
_HOST = {"name": "dir1", "kind": "host", "source": "{host}"}
_MOUNTS = [{"volume": "dir1", "path": "/dir1"}]
_ROOTS = (("", False), (", read-only root", True))


def rows() -> list[Row]:
    return [
        *_together(),
        *_written(),
        *_not_written(),
        *_of_the_image(),
        *_shared(),
        *_limits(),
        *_nobody(),
        *_no_apps(),
    ]


def _app(*arguments: str, name: str = "rkt-inspect", number: int = 0, **more: Any) -> Any:
    """Return an app of a pod manifest; ``more`` are keys of its app section or its own."""
    own = {key: more.pop(key) for key in ("mounts", "readOnlyRootFS") if key in more}
    section = {"exec": ["/inspect", *arguments], "user": "0", "group": "0"} | more
    return {"name": name, "image": {"id": place("id", number)}, "app": section} | own


def _point(path: str = "/dir1", *, read_only: bool = False) -> list[dict[str, Any]]:
    return [{"name": "dir1", "path": path, "readOnly": read_only}]


def _together() -> list[Row]:
    """Return the rows that need nothing of the host: their apps share a pod."""
    cases = _harmless()
    apps = [dict(app, name=f"app{number}") for number, (_, app, _) in enumerate(cases)]
    volumes = [
        {"name": "empty", "kind": "empty"},
        {"name": "odd", "kind": "empty", "mode": "0123", "uid": 9991, "gid": 9992},
        {"name": "readable", "kind": "empty"},
        {"name": "odd-too", "kind": "empty", "mode": "0123", "uid": 9991, "gid": 9992},
    ]
    manifest = {"apps": apps, "volumes": volumes}
    keeps = _keeps("NET_ADMIN")
    images = (Image(app={"isolators": [keeps]}),)
    now, later = both("", _OPTION, images, "", manifest=manifest)
    return [
        Row(name + how, shared.run, said(number, expect))
        for number, (name, _, expect) in enumerate(cases)
        for how, shared in (("", now), (", prepared", later))
    ]


def _harmless() -> list[tuple[str, Any, str]]:
    in_empty = ("--write-file", "--read-file", _FILE, "--content=empty:foo")
    stat = ("--stat-file", "--file-name=/dir1")
    mode = r"/dir1: mode: d--x-w--wx(?s:.*)/dir1: user: 9991(?s:.*)/dir1: group: 9992"
    found = [
        ("an argument is not changed", _app("--print-msg=\\n'\"$"), "\\\\n'\"[$]"),
        ("working directory", _app("--print-cwd", workingDirectory="/dir1"), "cwd: /dir1"),
    ]
    for (how, root), empty, odd in zip(
        _ROOTS, ("empty", "readable"), ("odd", "odd-too"), strict=True
    ):
        on_empty, on_odd = ([{"volume": name, "path": "/dir1"}] for name in (empty, odd))
        found += [
            (f"a file of the image{how}", _app("--read-file", _FILE, readOnlyRootFS=root),
             "<<<dir1>>>"),
            (f"an empty volume{how}", _app(*in_empty, mounts=on_empty, readOnlyRootFS=root),
             "<<<empty:foo>>>"),
            (f"mode and owner of an empty volume{how}",
             _app(*stat, mounts=on_odd, readOnlyRootFS=root), mode),
        ]  # fmt: skip
    return [*found, *_capabilities(), *_users()]


def _keeps(name: str) -> dict[str, Any]:
    value = {"set": [f"CAP_{name}"]}
    return {"name": "os/linux/capabilities-retain-set", "value": value}


def _capabilities() -> list[tuple[str, Any, str]]:
    environment = [{"name": "CAPABILITY", "value": "12"}]
    look = "--print-caps-pid=0"
    kept = _app(look, environment=environment, isolators=[_keeps("NET_ADMIN")])
    return [
        ("isolators of the image do not count", _app(look, environment=environment),
         "net_admin=disabled"),
        ("isolators of the manifest do", kept, "net_admin=enabled"),
    ]  # fmt: skip


def _users() -> list[tuple[str, Any, str]]:
    def user(user: str, group: str, uid: int, gid: int) -> tuple[str, Any, str]:
        app = _app("--print-user", user=user, group=group)
        return f"as {user}:{group}", app, f"User: uid={uid} euid={uid} gid={gid} egid={gid}\\s"

    return [
        user("1000", "100", 1000, 100),
        user("user1", "group1", 1000, 100),
        user("root", "root", 0, 0),
        user("/etc/passwd", "/etc/group", 0, 0),
    ]


def _writes(content: str, path: str = "/dir1/file") -> tuple[str, ...]:
    return ("--write-file", "--read-file", f"--file-name={path}", f"--content={content}")


def _written() -> list[Row]:
    found: list[Row] = []
    for how, root in _ROOTS:
        app = _app(*_writes("host:foo"), mounts=_MOUNTS, mountPoints=_point(), readOnlyRootFS=root)
        manifest = {"apps": [app], "volumes": [_HOST]}
        found += both(f"a host volume{how}", _OPTION, [Image()], "<<<host:foo>>>",
                      manifest=manifest, stored="host:foo")  # fmt: skip
        app = _app(*_writes("host:bar", "/dir2/file"), mountPoints=_point("/dir2"),
                   readOnlyRootFS=root)  # fmt: skip
        images = (Image(app={"mountPoints": _point(read_only=True)}),)
        manifest = {"apps": [app], "volumes": [_HOST]}
        found += both(f"the mount point of the manifest, not the image's{how}", _OPTION, images,
                      "<<<host:bar>>>", manifest=manifest, stored="host:bar")  # fmt: skip
    return found


def _not_written() -> list[Row]:
    found: list[Row] = []
    for how, root in _ROOTS:
        for name, point, volume in (
            ("a read-only mount point", _point(read_only=True), _HOST),
            ("a read-only volume", _point(), _HOST | {"readOnly": True}),
        ):
            app = _app("--write-file", _FILE, "--content=no", mountPoints=point, mounts=_MOUNTS,
                       readOnlyRootFS=root)  # fmt: skip
            manifest = {"apps": [app], "volumes": [volume]}
            found += both(f"{name}{how}", _OPTION, [Image()], _REFUSED, status=FAILED,
                          manifest=manifest, stored="host")  # fmt: skip
    return found


def _of_the_image() -> list[Row]:
    """Return the rows of manifests without an app section: the image's counts."""
    found: list[Row] = []
    for name, read_only, volume, root, content in (
        ("a host volume", False, {}, False, "host:baw"),
        ("a host volume, read-only root", False, {}, True, "host:baz"),
        ("a volume that is writable beats the mount point", True, {"readOnly": False}, False,
         "host:zaz"),
        ("a read-only volume", False, {"readOnly": True}, False, ""),
        ("a read-only volume, read-only root", False, {"readOnly": True}, True, ""),
    ):  # fmt: skip
        app = {"mountPoints": _point(read_only=read_only)}
        images = (Image(_writes(content or "no"), app=app),)
        runtime = {"name": "rkt-inspect", "image": {"id": "{id}"}, "readOnlyRootFS": root}
        manifest = {"apps": [runtime], "volumes": [_HOST | volume]}
        expect, status = (f"<<<{content}>>>", 0) if content else (_REFUSED, FAILED)
        found += both(f"the image's app: {name}", _OPTION, images, expect, status=status,
                      manifest=manifest, stored=content or "host")  # fmt: skip
    return found


def _shared() -> list[Row]:
    writer = _app("--write-file", _FILE, "--content=host:foo", name="rkt-writer", mounts=_MOUNTS)
    reader = _app("--pre-sleep=1", "--read-file", _FILE, name="rkt-reader", mounts=_MOUNTS)
    manifest = {"apps": [writer, reader], "volumes": [_HOST]}
    return both("two apps share a volume", _OPTION, [Image()], "<<<host:foo>>>", manifest=manifest)


def _limits() -> list[Row]:
    found: list[Row] = []
    for name, kind, limit, look, expect in (
        ("cpu limit", "cpu", "100m", "--print-cpuquota", "CPU Quota: 100"),
        ("memory limit", "memory", "4194304", "--print-memorylimit", "Memory Limit: 4194304"),
    ):
        isolator = {"name": f"resource/{kind}", "value": {"limit": limit, "request": limit}}
        manifest = {"apps": [_app(look, isolators=[isolator])]}
        found += both(name, _OPTION, [Image()], expect, manifest=manifest)
    return found


def _no_apps() -> list[Row]:
    manifest: dict[str, Any] = {"apps": []}
    expect = "pod must contain at least one application"
    ran, prepared = (
        Run(words, status=FAILED, manifest=manifest)
        for words in (run(*_OPTION), ("prepare", *_OPTION))
    )
    different = "`prepare` refuses a pod manifest without apps"
    return [
        Row("no apps", ran, expect),
        Row("no apps, prepared", prepared, expect, different=different),
    ]


def _nobody() -> list[Row]:
    found: list[Row] = []
    for user, group, expect in (
        ("user2", "0", '"user2" user not found'),
        ("0", "group2", '"group2" group not found'),
        ("/etc/nofile", "0", "no such file or directory"),
        ("0", "/etc/nofile", "no such file or directory"),
    ):
        manifest = {"apps": [_app("--print-user", user=user, group=group)]}
        found += both(f"as {user}:{group}", _OPTION, [Image()], expect, status=FAILED,
                      manifest=manifest)  # fmt: skip
    return found
