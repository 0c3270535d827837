"""The in-pod helper says what the tables of rkt's tests say (rkt-cli.md 12.1)."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.inspect_image import inspect_binary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FAILED = 254


def _run(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    before: Sequence[str] = (),
) -> tuple[int, str]:
    result = subprocess.run(
        [*before, str(inspect_binary()), *arguments],
        env=dict(env or {}),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return result.returncode, result.stdout.decode()


@pytest.mark.parametrize("form", [["--exit-code=7"], ["-exit-code", "7"], ["--exit-code", "7"]])
def test_options_are_written_as_go_allows(form: list[str]) -> None:
    assert _run(*form) == (7, "")


def test_a_stray_argument_is_refused() -> None:
    assert _run("stray", "--exit-code=1") == (FAILED, "Wrong parameters\n")


def test_checks_run_in_rkts_order_whatever_the_order_given() -> None:
    _, output = _run("--print-cwd", "--print-msg=hello", "--print-exec", "--check-tty")
    lines = output.splitlines()
    assert lines[0] == "stdin is not a terminal"
    assert lines[1].startswith("inspect exceed as: /")
    assert lines[2:] == ["hello", f"cwd: {os.getcwd()}"]


def test_a_message_is_repeated_and_kept_as_it_is() -> None:
    assert _run("--print-msg=\\n'\"$", env={"MESSAGE_LOOP": "2"})[1] == "\\n'\"$\n" * 2


def test_a_variable_is_shown() -> None:
    assert _run("--print-env=A", env={"A": "b=c"})[1] == "A=b=c\n"


def test_a_line_of_stdin_is_echoed() -> None:
    assert _run("--read-stdin", stdin=b"Saluton\r\nmore\n")[1] == (
        "Enter text:\nReceived text: Saluton\n"
    )


def test_a_terminal_is_one() -> None:
    leader, follower = pty.openpty()
    result = subprocess.run(
        [inspect_binary(), "--check-tty"], stdin=follower, capture_output=True, check=True
    )
    os.close(leader)
    os.close(follower)
    assert result.stdout == b"stdin is a terminal\n"


def test_files_are_written_read_and_hashed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    env = {"FILE": str(path), "CONTENT": "some text"}
    digest = hashlib.sha1(b"some text").hexdigest()  # noqa: S324  # what the program prints
    assert _run("--write-file", "--read-file", "--hash-file", env=env) == (
        0,
        f"<<<some text>>>\nsha1sum: {digest}\n",
    )


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])
def test_hashes_are_right_at_every_padding(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    digest = hashlib.sha1(path.read_bytes()).hexdigest()  # noqa: S324  # what the program prints
    assert _run("--hash-file", f"--file-name={path}")[1] == f"sha1sum: {digest}\n"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--read-file", 'Cannot read file "/none": open /none: no such file or directory'),
        ("--stat-file", 'Cannot stat file "/none": stat /none: no such file or directory'),
        ("--write-file", 'Cannot write to file "/none/x": open /none/x: no such file or directory'),
    ],
)
def test_a_missing_file_is_named_as_go_does(option: str, text: str) -> None:
    name = "/none/x" if "write" in option else "/none"
    assert _run(option, f"--file-name={name}") == (FAILED, f"{text}\n")


@pytest.mark.parametrize(
    ("path", "mode"),
    [("/dev/null", "Dcrw-rw-rw-"), ("/tmp", "dtrwxrwxrwx"), ("/etc/passwd", "-rw-r--r--")],
)
def test_modes_are_written_as_go_does(path: str, mode: str) -> None:
    assert _run("--stat-file", f"--file-name={path}")[1].splitlines() == [
        f"{path}: mode: {mode}",
        f"{path}: user: 0",
        f"{path}: group: 0",
    ]


def test_links_are_shown_and_not_followed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("../proc/self/mounts")
    assert _run("--file-symlink-target", f"--file-name={link}")[1] == (
        f'symlink: "{link}" -> "../proc/self/mounts"\n'
    )


def test_users_and_groups_are_shown() -> None:
    own = ["/usr/bin/setpriv", "--reuid=1000", "--regid=100", "--groups=500,400"]
    _, output = _run("--print-user", "--print-groups", before=own)
    assert output == "User: uid=1000 euid=1000 gid=100 egid=100\nGroups: 100 400 500\n"


def test_capabilities_are_listed_in_the_kernels_order() -> None:
    bounded = ["/usr/bin/setpriv", "--bounding-set=-all,+sys_admin,+chown,+net_admin"]
    _, output = _run(
        "--print-caps-pid=0", "--suffix-msg=app", env={"CAPABILITY": "12"}, before=bounded
    )
    assert "Capability set: bounding: chown, net_admin, sys_admin (app)\n" in output
    assert output.endswith("net_admin=enabled (app)\n")


@pytest.mark.parametrize(
    ("before", "value"), [([], 0), (["/usr/bin/setpriv", "--no-new-privs"], 1)]
)
def test_no_new_privileges_are_seen(before: list[str], value: int) -> None:
    _, output = _run("--print-no-new-privs", before=before)
    assert output == f"no_new_privs: {value} err: errno 0\n"


def test_namespaces_are_named() -> None:
    _, output = _run("--print-netns", "--print-ipcns")
    assert output == (
        f"NetNS: {os.readlink('/proc/self/ns/net')}\nIPCNS: {os.readlink('/proc/self/ns/ipc')}\n"
    )


def test_the_mount_namespace_is_compared_with_the_first_process() -> None:
    # In a PID namespace of its own: the machine's first process may be out of root's reach.
    alone = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc"]
    assert _run("--check-mountns", before=alone) == (FAILED, "check-mountns: IDENTICAL\n")
    child = [*alone, "/bin/sh", "-c", '"$@"; exit $?', "sh", "/usr/bin/unshare", "-m"]
    assert _run("--check-mountns", before=child) == (0, "check-mountns: DIFFERENT\n")


def test_a_device_is_made_where_that_is_allowed(tmp_path: Path) -> None:
    node = tmp_path / "null"
    assert _run(f"--check-mknod=c:1:3:{node}") == (0, f"mknod {node}: succeed\n")
    assert _run(f"--check-mknod=c:1:3:{node}") == (FAILED, f"mknod {node}: fail: file exists\n")


def test_a_newline_in_path_is_found() -> None:
    assert _run("--check-path", env={"PATH": "/bin"}) == (0, "PATH is good\n")
    assert _run("--check-path", env={"PATH": "/bin\n"})[0] == FAILED


def test_the_network_is_described() -> None:
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    options = ("--print-ipv4=lo", "--print-ipv6=lo", "--print-iface-count", "--print-hostname")
    _, output = _run(*options)
    lines = output.splitlines()
    assert lines[:2] == ["lo IPv4: 127.0.0.1", "lo IPv6: ::1"]
    assert re.fullmatch(r"Interface count: [1-9]\d*", lines[2])
    assert lines[3:] == [f"Hostname: {socket.gethostname()}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_two_helpers_talk_http(host: str) -> None:
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    server = subprocess.Popen(
        [inspect_binary(), f"--serve-http={host}:18080"], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline() == f"{socket.gethostname()}: serving on {host}:18080\n"
    assert _run(f"--get-http=http://{host}:18080/path") == (
        0,
        f"HTTP-Get received: {socket.gethostname()}\n",
    )
    server.stdout.close()
    assert server.wait() == 0


def test_a_termination_is_silent_where_asked_for() -> None:
    process = subprocess.Popen(
        [inspect_binary(), "--silent-sigterm", "--print-msg=up", "--sleep=60"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    assert process.wait() == 0


def test_it_sleeps_before_and_after() -> None:
    begin = time.monotonic()
    assert _run("--pre-sleep=1", "--print-msg=now", "--sleep=1")[0] == 0
    assert time.monotonic() - begin >= 2


def test_limits_of_the_own_cgroup_are_read() -> None:
    status, output = _run("--print-memorylimit", "--print-cpushares")
    assert status == 0
    assert re.fullmatch(r"Memory Limit: (\d+|max)\nCPU Shares: \d+\n", output)


def test_the_annotation_of_an_app_is_asked_for() -> None:
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                requests.append(client.recv(4096))
                client.sendall(b"HTTP/1.0 200 OK\r\n\r\n/ex/run")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        env = {"AC_METADATA_URL": url, "AC_APP_NAME": "app"}
        assert _run("--print-app-annotation=a/b", env=env)[1] == "Annotation a/b=/ex/run\n"
        thread.join()
    assert requests[0].startswith(b"GET /acMetadata/v1/apps/app/annotations/a/b HTTP/1.0\r\n")
