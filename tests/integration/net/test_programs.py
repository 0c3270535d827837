"""Plugins that are programs: what they are told, and all they can do wrong."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from rktpy.codec import parse
from rktpy.host.lock import is_locked, lock_dir
from rktpy.net import chain
from rktpy.net.external import LIMITS, External, PluginError
from tests.support.netplugins import GOOD, UUID, attachment, programs, script

if TYPE_CHECKING:
    from pathlib import Path

ONE = '{"name": "n",  "type": "one"}\n'
LONG = dict.fromkeys(LIMITS, 900.0)
SHORT = {**LONG, "ADD": 0.5, "VERSION": 0.5}


def test_what_a_plugin_is_told(tmp_path: Path) -> None:
    body = f"env | grep ^CNI_ | sort > {tmp_path}/env; cat > {tmp_path}/stdin; pwd -P > cwd"
    body += f"; ls /proc/$$/fd > {tmp_path}/fds; ps -o pgid= -p $$ > {tmp_path}/group"
    body += f"; echo $$ > {tmp_path}/pid; grep SigIgn /proc/$$/status > {tmp_path}/ignored; {GOOD}"
    script(tmp_path, "one", body)
    pod = tmp_path / "pod"
    pod.mkdir()
    null = os.open("/dev/null", os.O_RDONLY)
    held = os.dup2(null, 77)

    chain.add(
        attachment(ONE, "/run/netns/x", arguments="A=b;C=d"), programs(tmp_path, "x", cwd=pod)
    )

    os.close(held)
    os.close(null)
    assert (tmp_path / "stdin").read_text() == ONE
    assert (pod / "cwd").read_text() == f"{os.path.realpath(pod)}\n"
    assert "77" not in (tmp_path / "fds").read_text().split()
    assert (tmp_path / "group").read_text().strip() == (tmp_path / "pid").read_text().strip()
    assert int((tmp_path / "ignored").read_text().split()[1], 16) & 1 << signal.SIGPIPE - 1 == 0
    assert (tmp_path / "env").read_text().splitlines() == [
        "CNI_ARGS=A=b;C=d", "CNI_COMMAND=ADD", f"CNI_CONTAINERID={UUID}", "CNI_IFNAME=eth0",
        "CNI_NETNS=/run/netns/x", f"CNI_PATH={tmp_path}:x", "CNI_VERSION=0.1.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("""echo '{"code": 7, "msg": "no", "details": "why"}'; exit 1""", "no; why"),
        ("""echo '{"code": 7, "msg": "no"}'; exit 1""", "no"),
        ("""echo '{"code": 7}'; exit 1""", "{dir}/one failed without a message"),
        (
            "echo oops; exit 3",
            r'netplugin failed but error parsing its diagnostic message "oops\n" ({dir}/one,'
            " status 3): invalid JSON: ",
        ),
        ("kill -9 $$", 'its diagnostic message "" ({dir}/one, signal 9): '),
        ("""echo '{"msg": 3}'; exit 1""", "its message is not text"),
        ("echo '[]'; exit 1", "parsing its diagnostic message"),
        ("echo oops", r'error parsing "n" result: parsing "oops\n": '),
        ("exit 0", 'error parsing "n" result: parsing "": '),
        ("""echo '{"ip4": {"ip": "x"}}'""", "is not an address with its prefix length"),
        ("exec cat /dev/zero", "{dir}/one says more than 1048576 bytes"),
        ("exec sleep 1000", "{dir}/one did not end within 0.5 s"),
        ("sleep 1000 & exec >&-; wait", "{dir}/one did not end within 0.5 s"),
        ("trap '' TERM INT HUP; sleep 1000; sleep 1000", "{dir}/one did not end within 0.5 s"),
    ],
)
def test_a_plugin_that_fails_is_undone_and_says_why(tmp_path: Path, body: str, text: str) -> None:
    note = f'echo "$CNI_COMMAND" >> {tmp_path}/calls; [ "$CNI_COMMAND" = ADD ] || exit 0'
    script(tmp_path, "one", f"{note}\n{body}")

    with pytest.raises(chain.ChainError) as caught:
        chain.add(
            attachment(ONE), programs(tmp_path, limits=SHORT if "did not end" in text else LONG)
        )

    assert caught.value.message.startswith('error adding network "n": ')
    assert text.format(dir=tmp_path) in caught.value.message
    assert (tmp_path / "calls").read_text().split()[-1] == "DEL"


@pytest.mark.parametrize(
    ("mode", "content", "text", "hint"),
    [
        (0o644, "#!/bin/sh\n", "cannot execute {dir}/one: Permission denied", "chmod +x {dir}/one"),
        (0o755, "garbage", "cannot execute {dir}/one: Exec format error", "look at what"),
        (0o755, "#!/nowhere\n", "cannot execute {dir}/one: No such file or directory", "look at"),
    ],
)
def test_a_plugin_that_cannot_be_executed(
    tmp_path: Path, mode: int, content: str, text: str, hint: str
) -> None:
    (tmp_path / "one").write_text(content)
    (tmp_path / "one").chmod(mode)

    with pytest.raises(chain.ChainError) as caught:
        chain.add(attachment(ONE), programs(tmp_path))

    assert caught.value.message == f'error adding network "n": {text.format(dir=tmp_path)}'
    assert hint.format(dir=tmp_path) in str(caught.value.hint)


def test_what_a_plugin_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    script(tmp_path, "one", f"{GOOD}; sleep 1000 & echo $! > {tmp_path}/pid")

    result = chain.add(attachment(ONE), programs(tmp_path, limits=LONG))

    left = int((tmp_path / "pid").read_text())
    assert os.path.exists(f"/proc/{left}")
    os.kill(left, signal.SIGKILL)
    assert [one.address for one in result.addresses] == ["10.0.0.2/8"]


def test_a_plugin_that_is_killed_takes_its_children_along(tmp_path: Path) -> None:
    body = "sleep 1000 & echo $! > $0.pid; exec cat /dev/zero"
    script(tmp_path, "one", f"[ $CNI_COMMAND = ADD ] || exit 0; {body}")

    with pytest.raises(chain.ChainError):
        chain.add(attachment(ONE), programs(tmp_path, limits=LONG))

    ended(int((tmp_path / "one.pid").read_text()))


def test_a_plugin_does_not_outlive_who_called_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    script(tmp_path, "one", f"echo $$ > {tmp_path}/fifo; exec sleep 1000")
    caller = os.fork()
    if caller == 0:
        chain.add(attachment(ONE), programs(tmp_path))
        os._exit(1)
    plugin = int((tmp_path / "fifo").read_text())

    os.kill(caller, signal.SIGKILL)

    os.waitpid(caller, 0)
    ended(plugin)


def test_nor_do_its_children_in_whatever_session_and_who_comes_next_waits(tmp_path: Path) -> None:
    """A rule that one of them makes after ``gc`` would stay for ever."""
    turn = tmp_path / "net"
    turn.mkdir()
    os.mkfifo(tmp_path / "fifo")
    child = f"setsid sh -c 'sleep 1000 & echo $! > {tmp_path}/fifo; wait' & wait"
    script(tmp_path, "one", f'[ "$CNI_COMMAND" = ADD ] || exit 0; {child}')
    caller = os.fork()
    if caller == 0:
        chain.add(attachment(ONE), programs(tmp_path, cwd=tmp_path))
        os._exit(1)
    grandchild = int((tmp_path / "fifo").read_text())
    busy = is_locked(str(turn))

    os.kill(caller, signal.SIGKILL)

    os.waitpid(caller, 0)
    assert chain.delete(attachment(ONE), programs(tmp_path, cwd=tmp_path), None) == ()
    assert (busy, is_alive(grandchild)) == (True, False)


def test_a_plugin_whose_turn_does_not_come_is_not_called(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    script(tmp_path, "one", f"touch {tmp_path}/called")
    with lock_dir(f"{tmp_path}/net"):
        (told,) = chain.delete(
            attachment(ONE), programs(tmp_path, cwd=tmp_path, limits={**LONG, "DEL": 0.1}), None
        )

    assert "one did not get its turn within 0.1 s" in told
    assert not (tmp_path / "called").exists()


def test_a_plugin_whose_keeper_is_killed(tmp_path: Path) -> None:
    script(tmp_path, "one", "[ $CNI_COMMAND = ADD ] || exit 0; kill -9 $PPID; exec sleep 1000")

    with pytest.raises(chain.ChainError, match="somebody killed who was waiting for"):
        chain.add(attachment(ONE), programs(tmp_path))


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(pid: int) -> None:
    """Return when ``pid`` is no more, or is a zombie."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if not is_alive(pid):
            return
        time.sleep(0.01)
    pytest.fail(f"{pid} is still there")


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            """echo '{"cniVersion": "1.0.0", "supportedVersions": ["0.3.1", "0.4.0"]}'""",
            '{dir}/one speaks CNI 0.3.1, 0.4.0: set "cniVersion" to one of these',
        ),
        ("exit 1", '{dir}/one speaks CNI 0.1.0: set "cniVersion" to one of these'),
        ("echo hello", r'{dir}/one does not tell its versions: "hello\n"'),
        ("exec sleep 1000", "{dir}/one did not end within 0.5 s"),
    ],
)
def test_a_plugin_that_is_too_old_or_too_new_names_its_versions(
    tmp_path: Path, answer: str, hint: str
) -> None:
    body = f"if [ $CNI_COMMAND = VERSION ]; then cat > {tmp_path}/asked; {answer}; exit; fi"
    refusal = '{"code": 1, "msg": "incompatible CNI versions", "details": "x"}'
    script(tmp_path, "one", f"{body}; echo '{refusal}'; exit 1")

    with pytest.raises(chain.ChainError, match="incompatible CNI versions; x") as caught:
        chain.add(
            attachment('{"cniVersion": "1.0.0", "name": "n", "type": "one"}'),
            programs(tmp_path, limits={**LONG, "VERSION": 0.5} if "did not" in hint else LONG),
        )

    assert caught.value.hint == hint.format(dir=tmp_path)
    if "did not" not in hint:
        assert parse((tmp_path / "asked").read_bytes()) == {"cniVersion": "1.0.0"}


def test_rkts_place_of_plugins_leads_to_the_hosts(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (tmp_path / "pod/stage1/rootfs").mkdir(parents=True)
    place = "stage1/rootfs/usr/lib/rkt/plugins/net"
    script(tmp_path, "one", f"readlink {place}; exit 1")
    plugin = External(
        f"{tmp_path}/one", (place,), {}, cwd=f"{tmp_path}/pod", programs=("/nowhere", str(host))
    )

    for _twice in range(2):
        with pytest.raises(PluginError, match=f"{host}"):
            plugin.add(chain.call(attachment(ONE), 0, None))


def test_a_place_that_a_pod_could_have_filled_is_no_place_of_plugins(tmp_path: Path) -> None:
    """Without an overlay stage1's tree is the pod's own, and a DEL comes when it has ended."""
    host, place = tmp_path / "host", "stage1/rootfs/usr/lib/rkt/plugins/net"
    host.mkdir()
    script(tmp_path, "one", 'echo "$CNI_PATH"; exit 1')
    own = tmp_path / "pod" / place
    own.mkdir(parents=True)
    plugin = External(
        f"{tmp_path}/one", ("/x", place), {}, cwd=f"{tmp_path}/pod", programs=(str(host),)
    )

    def told() -> str:
        with pytest.raises(PluginError) as caught:
            plugin.delete(chain.call(attachment(ONE), 0, None))
        return caught.value.message

    filled = told()
    own.rmdir()
    own.symlink_to(host)
    ours = told()

    assert (place in filled, place in ours) == (False, True)
