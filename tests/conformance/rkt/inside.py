"""What an app finds and may do in the pod: volumes, capabilities, limits (rkt-cli.md 12.4-12.5)."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.case import FAILED, Case, Image, run

_DEFAULT = (
    "chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, "
    "net_raw, sys_chroot, mknod, audit_write, setfcap"
)
_READ, _WRITE = "--read-file", "--write-file"
_NO_CONTROLLERS = "a pod without the host's systemd has no v1 controllers to set limits with"
_REFUSED = 'Cannot write to file "/dir1/file": open /dir1/file: read-only file system'


def cases() -> tuple[Case, ...]:
    """Return the cases of this room."""
    return (*_volumes(), *_links(), *_capabilities(), *_privileges(), *_limits(), *_paths())


def _mount_point(*, read_only: bool) -> dict[str, Any]:
    return {"mountPoints": [{"name": "dir1", "path": "/dir1", "readOnly": read_only}]}


def _volumes() -> list[Case]:
    writable, read_only = (_mount_point(read_only=flag) for flag in (False, True))
    volume = "--volume=dir1,kind=host,source={host}"
    mount = "--mount=volume=dir1,target=dir1"

    def case(name: str, what: str, expect: str, *words: str, content: str = "", status: int = 0,
             stored: str = "", app: dict[str, Any] | None = None) -> Case:  # fmt: skip
        env = {"FILE": "/dir1/file", "CONTENT": content}
        command = ("--insecure-options=image", "run", "--net=host", "--inherit-env=true", *words)
        image = Image((what, _READ), app=app or {})
        return Case("volume_test", name, (*command, "{image}"), (image,), expect, status=status,
                    env=env, stored=stored)  # fmt: skip

    return [
        case("none", _READ, "<<<dir1>>>"),
        case("a volume by option", _READ, "<<<host>>>", volume, mount, app=writable),
        case("a read-only mount point", _READ, "<<<host>>>", volume, app=read_only),
        case("written without a volume", _WRITE, "<<<1>>>", content="1"),
        case("written to the host", _WRITE, "<<<2>>>", volume, content="2", stored="2",
             app=writable),
        case("not written where read-only", _WRITE, _REFUSED, volume, content="3", status=FAILED,
             stored="host", app=read_only),
        case("a read-only volume", _WRITE, _REFUSED, f"{volume},readOnly=true", mount, content="3",
             status=FAILED, stored="host"),
        case("an implicit empty volume", _WRITE, "<<<1>>>", content="1", app=writable),
        Case("volume_test", "a missing source", run(
            "--volume=dir1,kind=host,source=/this/directory/does/not/exist",
            "--mount=volume=dir1,target=dir1", "{image}"), (Image((_READ,)),),
            "Failed to stat /this/directory/does/not/exist: No such file or directory", status=1),
        Case("volume_mount_test", "two volumes of one name", run(
            "--volume=test,kind=host,source={host}", "--mount=volume=test,target=/dir1",
            "--volume=test,kind=empty", "{image}"), (Image(),), "duplicate volume name",
            status=FAILED),
        Case("run_pod_manifest_test", "mode and owner of an empty volume", run(
            "--volume=dir1,kind=empty,mode=0123,uid=9991,gid=9992", "{image}", "--",
            "--stat-file", "--file-name=/dir1"), (Image(app=_mount_point(read_only=False)),),
            r"(?s)/dir1: mode: d--x-w--wx.*/dir1: user: 9991.*/dir1: group: 9992"),
    ]  # fmt: skip


def _links() -> list[Case]:
    targets = [
        ("/dir1/link_abs_dir2/foo", "/dir2/foo"),
        ("/dir1/link_rel_dir2/bar", "/dir2/bar"),
        ("/dir1/../dir1/.//link_rel_dir2/foo", "/dir2/foo"),
        ("/dir1/../../../foo", "/foo"),
        ("/dir1/link_abs_dotdot_dir2/foo", "/dir2/foo"),
        ("/dir1/../../../newdir/foo", "/newdir/foo"),
        ("/dir1/link_rel_dir2/newdir/foo", "/dir2/newdir/foo"),
        ("/dir1/link_abs_notexists/newdir1/newdir2/foo", "/notexists/newdir1/newdir2/foo"),
        ("/dir1/link_abs_root/newdir1/newdir2/foo", "/newdir1/newdir2/foo"),
        ("../" * 15 + "foo", "/foo"),
    ]
    return [
        Case("mount_test", f"{target} is {path}", run(
            "--volume=test,kind=host,source={host}/file", f"--mount=volume=test,target={target}",
            f"--set-env=FILE={path}", "{image}"), (Image((_READ,)),), "<<<host>>>")
        for target, path in targets
    ]  # fmt: skip


def _capabilities() -> list[Case]:
    def isolator(kind: str, *names: str) -> dict[str, Any]:
        value = {"set": [f"CAP_{name}" for name in names]}
        return {"isolators": [{"name": f"os/linux/capabilities-{kind}-set", "value": value}]}

    def case(name: str, expect: str, *words: str, app: dict[str, Any] | None = None) -> Case:
        image = Image(("--print-caps-pid=0", "--suffix-msg=app"), app=app or {})
        text = f"Capability set: bounding: {expect} \\(app\\)"
        return Case("caps_test", name, run("{image}", *words), (image,), text)

    return [
        case("default", _DEFAULT),
        case("retain one", "net_admin", app=isolator("retain", "NET_ADMIN")),
        case("retain several", "chown, fowner, net_admin, sys_admin",
             app=isolator("retain", "CHOWN", "FOWNER", "SYS_ADMIN", "NET_ADMIN")),
        case("remove one", _DEFAULT.removeprefix("chown, "), app=isolator("remove", "CHOWN")),
        case("remove what is not there", _DEFAULT, app=isolator("remove", "SYS_ADMIN")),
        case("retain over the image's", "sys_admin", "--cap-retain=CAP_SYS_ADMIN",
             app=isolator("retain", "MKNOD")),
        case("retain over the image's removal", "sys_admin", "--caps-retain=CAP_SYS_ADMIN",
             app=isolator("remove", "CHOWN")),
        case("remove over the image's removal", _DEFAULT.replace("kill, ", ""),
             "--caps-remove=CAP_KILL", app=isolator("remove", "CHOWN")),
        Case("caps_test", "all on request", (
            "--insecure-options=image,capabilities", "run", "--net=host", "{image}"),
            (Image(("--print-caps-pid=0",)),), "bounding: chown, .*sys_admin, .*block_suspend"),
    ]  # fmt: skip


def _privileges() -> list[Case]:
    def isolators(*values: bool) -> dict[str, Any]:
        return {"isolators": [
            {"name": "os/linux/no-new-privileges", "value": value} for value in values
        ]}  # fmt: skip

    def nnp(name: str, expect: int, app: dict[str, Any], *words: str) -> Case:
        image = Image(("--print-no-new-privs",), app=app)
        command = run("{image}", *words)
        return Case("no_new_privs_test", name, command, (image,), f"no_new_privs: {expect} err")

    def seccomp(name: str, expect: str, *words: str, status: int = 0) -> Case:
        image = Image(("--stat-file", "--file-name=/"))
        return Case("seccomp_test", name, run("{image}", *words), (image,), expect, status=status)

    return [
        nnp("asked for", 1, isolators(True)),
        nnp("asked for by a user", 1, isolators(True), "--user=1000", "--group=100"),
        nnp("not asked for", 0, isolators(False)),
        nnp("none", 0, isolators()),
        nnp("both", 1, isolators(False, True)),
        seccomp("default", "/: mode: d"),
        seccomp("retain all", "/: mode: d", "--seccomp=mode=retain,@appc.io/all"),
        seccomp("remove nothing", "/: mode: d", "--seccomp=mode=remove,@appc.io/empty"),
        seccomp("remove reboot", "/: mode: d", "--seccomp=mode=remove,reboot"),
        seccomp("retain rkt's list", "/: mode: d", "--seccomp=mode=retain,@rkt/default-whitelist"),
        seccomp("remove stat", "exchange full", "--seccomp=mode=remove,errno=EXFULL,stat",
                status=FAILED),
    ]  # fmt: skip


def _limits() -> list[Case]:
    def case(name: str, what: str, expect: str, *words: str) -> Case:
        image = Image((what,))
        # rkt's program looked through PID 1's root, which no app can see here.
        command = ("--insecure-options=image,paths", *run("{image}", *words)[1:])
        return Case("app_isolator_test", name, command, (image,), expect)

    def oom(name: str, expect: str, *words: str, value: int | None = None) -> Case:
        app = {} if value is None else {
            "isolators": [{"name": "os/linux/oom-score-adj", "value": value}]
        }  # fmt: skip
        image = Image(("--read-file", "--file-name=/proc/self/oom_score_adj"), app=app)
        return Case("oom_score_adj_test", name, run("{image}", *words), (image,), expect)

    return [
        case("memory of the image", "--print-memorylimit", "Memory Limit: 26214400"),
        case("memory by option", "--print-memorylimit", "Memory Limit: 44040192", "--memory=42Mi"),
        case("cpu of the image", "--print-cpuquota", "CPU Quota: 800"),
        case("cpu by option", "--print-cpuquota", "CPU Quota: 900", "--cpu=900m"),
        case("shares by option", "--print-cpushares", "CPU Shares: 12345", "--cpu-shares=12345"),
        Case("app_isolator_nspawn", "cgroups are read-only", run("{image}"),
             (Image(("--check-cgroups",)),), "check-cgroups: SUCCESS"),
        oom("by option", "<<<42", "--oom-score-adj=42"),
        oom("of the image", "<<<99", value=99),
    ]  # fmt: skip


def _paths() -> list[Case]:
    def stat(path: str, expect: str) -> Case:
        image = Image(("--stat-file", f"--file-name={path}"))
        return Case("paths_test", path, run("{image}"), (image,), expect)

    def mknod(name: str, device: str, expect: str, status: int) -> Case:
        image = Image((f"--check-mknod={device}",))
        gap = _NO_CONTROLLERS if status else ""
        return Case("devices_test", name, run("{image}"), (image,), expect, status=status, gap=gap)

    # rkt's tests took /proc/kcore and /proc/sysrq-trigger, which not every kernel has.
    write = Image((_WRITE, "--file-name=/proc/sys/kernel/core_pattern", "--content=core"))
    return [
        stat("/sys/firmware", "/sys/firmware: mode: d---------"),
        stat("/proc/kallsyms", "/proc/kallsyms: mode: ----------"),
        stat("/dev/ptmx", r"(?s)/dev/ptmx: mode: Dcrw-rw-rw-.*user: 0.*group: 0"),
        stat("/sys/class", "/sys/class: mode: drwxr-xr-x"),
        Case("paths_test", "/proc/sys/kernel/core_pattern", run("{image}"), (write,),
             "open /proc/sys/kernel/core_pattern: read-only file system", status=FAILED),
        mknod("null", "c:1:3:/null", "mknod /null: succeed", 0),
        mknod("ptmx", "c:5:2:/ptmx", "mknod /ptmx: fail", FAILED),
        mknod("loop-control", "c:10:237:/loop-control", "mknod /loop-control: fail", FAILED),
        Case("run_pod_manifest_test", "working directory", run("{image}", "--working-dir=/dir1"),
             (Image(("--print-cwd",)),), "cwd: /dir1"),
        Case("run_pod_manifest_test", "read-only root",
             run("{image}", "--readonly-rootfs=true"), (Image((_WRITE, "--file-name=/dir1/file")),),
             _REFUSED, status=FAILED),
    ]  # fmt: skip
