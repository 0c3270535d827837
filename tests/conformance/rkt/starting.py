"""Starting pods: what runs, as whom, with which status (rkt-cli.md 12.2, 12.3, 12.7)."""

from __future__ import annotations

from tests.conformance.rkt.case import FAILED, Case, Image, inspect, run

_PRE_START = {
    "user": "1000",
    "eventHandlers": [{"name": "pre-start", "exec": ["/inspect", "--print-user"]}],
}
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def cases() -> tuple[Case, ...]:
    """Return the cases of this room."""
    return (*_exec(), *_exit(), *_users(), *_names(), *_environment(), *_labels(), *_conflicts())


def _exec() -> list[Case]:
    def case(name: str, *words: str, expect: str) -> Case:
        return Case("exec_test", name, run("{image}", *words), (Image(),), expect)

    said = "inspect exceed as: "
    return [
        case("the image's own program", "--", "--print-exec", expect=f"{said}/inspect\\s"),
        case("another program", "--exec", "/inspect-link", "--", "--print-exec",
             expect=f"{said}/inspect-link"),
        case("a program on PATH", "--exec", "inspect-link-bin", "--", "--print-exec",
             expect=f"{said}.*inspect-link-bin"),
        Case("exec_test", "an image without app", run("{image}", "--exec", "/inspect", "--",
             "--print-exec"), (Image(manifest={"app": None}),), f"{said}/inspect"),
        Case("diagnostic_test", "a missing program", run("{image}", "--exec=/foo-not-there"),
             (Image(),), 'Error: Unable to open "/foo-not-there": No such file', status=None),
        Case("diagnostic_test", "a missing program with a blank",
             run("{image}", "--exec=/foo-not-there X", "--", "a", "b"), (Image(),),
             'Error: Unable to open "/foo-not-there X": No such file', status=None),
        Case("run_test", "pre-start runs as root", run("{image}"),
             (Image(app=_PRE_START),), "User: uid=0 euid=0 gid=0 egid=0"),
    ]  # fmt: skip


def _exit() -> list[Case]:
    codes = [
        inspect("exit_test", f"status {code}", "--print-msg=HelloWorld", f"--exit-code={code}",
                expect="HelloWorld", status=code)
        for code in (0, 1, 2)
    ]  # fmt: skip
    three = tuple(
        Image(
            ("--print-msg=HelloWorld", f"--exit-code={code}", f"--sleep={seconds}"), f"a/hello{n}"
        )
        for n, code, seconds in ((0, 0, 1), (1, 5, 1), (2, 6, 2))
    )
    words = run("{image}", "{second}", "{third}")
    return [*codes, Case("exit_test", "three apps, the first to fail decides", words, three,
                         "(?s)(HelloWorld.*){3}", status=5)]  # fmt: skip


def _users() -> list[Case]:
    def case(name: str, user: str, group: str, *words: str, image: Image | None = None) -> Case:
        expect = f"User: uid={user} euid={user} gid={group} egid={group}"
        image = image or Image(("--print-user",))
        return Case("run_user_group_test", name, run("{image}", *words), (image,), expect)

    own = Image(("--print-user",), app={"user": "400", "group": "500"})
    groups = Image(("--print-groups",), app={"supplementaryGIDs": [400, 500, 1200]})
    return [
        case("nobody named", "0", "0"),
        case("a user", "200", "0", "--user=200"),
        case("a group", "0", "300", "--group=300"),
        case("both", "200", "300", "--user=200", "--group=300"),
        case("a user's name", "1000", "300", "--user=user1", "--group=300"),
        case("a group's name", "200", "100", "--user=200", "--group=group1"),
        case("the image's", "400", "500", image=own),
        case("over the image's", "200", "500", "--user=200", image=own),
        case("names over the image's", "1000", "100", "--user=user1", "--group=group1", image=own),
        case("root by name", "0", "0", "--user=root", "--group=root"),
        case("the owner of a file", "0", "0", "--user=/inspect", "--group=/inspect"),
        Case("supplementary_gids_test", "three groups", run("{image}"), (groups,),
             "Groups: 0 400 500 1200"),
    ]  # fmt: skip


def _names() -> list[Case]:
    def option(source: str, name: str, word: str, print_option: str, expect: str) -> Case:
        words = run(word, "{image}") if word else run("{image}")
        return Case(source, name, words, (Image((print_option,)),), expect)

    hostname = "--print-hostname"
    return [
        option("hostname_test", "given", "--hostname=test-hostname", hostname,
               "Hostname: test-hostname"),
        option("hostname_test", "from the UUID", "", hostname, f"Hostname: rkt-{_UUID}"),
        option("ipcns_test", "private", "--ipc=private", "--print-ipcns", r"IPCNS: ipc:\[\d+\]"),
        Case("ipcns_test", "unknown word", run("--ipc=supercalifragilisticexpialidocious",
             "{image}"), (Image(("--print-ipcns",)),), refuse="IPCNS", status=FAILED),
        Case("mtab_test", "a link to mounts", run("--set-env=FILE=/etc/mtab", "{image}"),
             (Image(("--file-symlink-target",)),), 'symlink: "/etc/mtab" -> "../proc/self/mounts"'),
        Case("etc_hosts_test", "/etc/hostname", run("--set-env=FILE=/etc/hostname", "{image}"),
             (Image(("--stat-file", "--read-file")),), "/etc/hostname: mode: -rw-r--r--"),
        Case("interactive_test", "no terminal", run("{image}"), (Image(("--check-tty",)),),
             "stdin is not a terminal"),
        Case("dns_test", "nameserver", run("--dns=8.8.4.4", "--set-env=FILE=/etc/resolv.conf",
             "{image}"), (Image(("--read-file",)),), "nameserver 8.8.4.4"),
        Case("dns_test", "search", run("--dns=8.8.4.4", "--dns-search=foo.com",
             "--dns-search=bar.com", "--set-env=FILE=/etc/resolv.conf", "{image}"),
             (Image(("--read-file",)),), "search foo.com bar.com"),
        Case("dns_test", "options", run("--dns=8.8.4.4", "--dns-opt=debug", "--dns-opt=use-vc",
             "--set-env=FILE=/etc/resolv.conf", "{image}"), (Image(("--read-file",)),),
             "options debug use-vc"),
        Case("etc_hosts_test", "an entry", run("--hosts-entry=128.66.0.99=host1",
             "--set-env=FILE=/etc/hosts", "{image}"), (Image(("--read-file",)),),
             "128.66.0.99 host1"),
        Case("etc_hosts_test", "the fallback", run("--set-env=FILE=/etc/hosts", "{image}"),
             (Image(("--read-file",)),), "127.0.0.1 localhost localhost.domain localhost4 "
             f"localhost4.localdomain4 rkt-{_UUID}"),
    ]  # fmt: skip


def _environment() -> list[Case]:
    def case(name: str, variable: str, value: str, *words: str, **env: str) -> Case:
        image = Image((f"--print-env={variable}",))
        expect = f"{variable}={value}\\s"
        return Case("env_test", name, run(*words, "{image}"), (image,), expect, env=env)

    own, other = "VAR_FROM_MANIFEST", "VAR_OTHER"
    return [
        case("the manifest's", own, "manifest"),
        case("set", other, "setenv", f"--set-env={other}=setenv"),
        case("set over the manifest's", own, "setenv", f"--set-env={own}=setenv"),
        case("inherited", other, "host", "--inherit-env=true", VAR_OTHER="host"),
        case("the manifest's over inherited", own, "manifest", "--inherit-env=true",
             VAR_FROM_MANIFEST="host"),
        case("set over inherited", other, "setenv", "--inherit-env=true",
             f"--set-env={other}=setenv", VAR_OTHER="host"),
        case("not inherited", other, "", VAR_OTHER="host"),
        case("set over a file's", other, "setenv", f"--set-env={other}=setenv",
             "--set-env-file={env_file}"),
        case("a file's", other, "file", "--set-env-file={env_file}"),
        Case("env_test", "a clean PATH", run("--set-env-file={env_file}", "{image}"),
             (Image(("--check-path",)),), "PATH is good"),
        Case("run_pod_manifest_test", "arguments are not changed", run("{image}", "--",
             "--print-msg=\\n'\"$"), (Image(),), "\\\\n'\"[$]"),
    ]  # fmt: skip


def _labels() -> list[Case]:
    def case(name: str, expect: str, status: int, **labels: str) -> Case:
        pairs = [{"name": key, "value": value} for key, value in labels.items()]
        image = Image(("--print-msg=HelloWorld",), manifest={"labels": pairs})
        return Case("os_arch_test", name, run("{image}"), (image,), expect, status=status)

    return [
        case("both", "HelloWorld", 0, os="linux", arch="amd64"),
        case("no os", "missing os label in the image manifest", FAILED, arch="amd64"),
        case("no arch", "missing arch label in the image manifest", FAILED, os="linux"),
        case("another os", 'bad os "freebsd"', FAILED, os="freebsd", arch="amd64"),
    ]


def _conflicts() -> list[Case]:
    text = r"conflicting flags set with --pod-manifest \(see --help\)"
    before = [
        ("--inherit-env",), ("--no-store",), ("--store-only",), ("--port=foo:80",),
        ("--set-env=foo=bar",), ("--volume=foo,kind=host,source=/tmp",),
        ("--mount=volume=foo,target=/tmp", "--volume=foo,kind=host,source=/tmp"),
    ]  # fmt: skip
    after = ["--exec=/bin/sh", "--user=user_foo", "--group=group_foo"]
    return [
        Case(f"{verb}_test", f"{verb} with {' '.join(words)}",
             (verb, "--pod-manifest=/dev/null", *words), expect=text, status=FAILED)
        for verb in ("run", "prepare")
        for words in before
    ] + [
        Case(f"{verb}_test", f"{verb} of an image with {word}",
             (verb, "dummy-image.aci", "--pod-manifest=/dev/null", word), expect=text,
             status=FAILED)
        for verb in ("run", "prepare")
        for word in after
    ]  # fmt: skip
