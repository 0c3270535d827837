"""Pods that the first connection to a socket of the host starts (systemd.socket(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.pods_on_host import (
    RKTPY,
    TALK,
    TALK_PORT,
    TRUSTING,
    quoted_for_unit,
    socket_units,
    talk_image,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.pods_on_host import Pods

TALK_MANY = "example.com/talk-many"  # ports of all kinds, socket-activated
GRAM_PORT = 7778
RANGE = range(7780, 7783)
# Prints what is answered to one question; a datagram's is to be lost by nobody, so once is enough.
_ASK = r"""
import socket, sys
kind, place, *port = sys.argv[1:]
family = socket.AF_UNIX if not port else socket.AF_INET6 if ":" in place else socket.AF_INET
kinds = {"datagram": socket.SOCK_DGRAM, "packets": socket.SOCK_SEQPACKET}
with socket.socket(family, kinds.get(kind, socket.SOCK_STREAM)) as one:
    one.settimeout(300)
    if kind == "datagram" and not port:
        one.bind("")
    one.connect((place, int(port[0])) if port else place.replace("@", chr(0), 1))
    if kind in ("datagram", "line"):
        one.send(b"who is there?\n")
    print(one.recv(4096).decode(), end="")
"""


def talk_many(path: Path) -> None:
    """Write a server with a stream port, a datagram port, a range and one for other sockets."""
    ports = [
        _port("line", "tcp", TALK_PORT), _port("gram", "udp", GRAM_PORT),
        _port("range", "tcp", RANGE[0], len(RANGE)),
    ]  # fmt: skip
    talk_image(path, name=TALK_MANY, app={"ports": ports})


def _port(name: str, protocol: str, number: int, count: int = 1) -> dict[str, object]:
    return {"name": name, "protocol": protocol, "port": number, "count": count,
            "socketActivated": True}  # fmt: skip


def ask(pods: Pods, kind: str, place: str, port: int | None = None) -> str:
    """Return what is answered on the host's socket at ``place``.

    ``kind`` is "stream", "datagram", "packets", or "line": a stream on which we speak first.
    """
    words = [kind, place, *([] if port is None else [str(port)])]
    return pods.host.run(["python3", "-c", _ASK, *words], timeout=60).stdout


def answer(app: str, name: str, *others: str) -> str:
    """Return what ``talk`` says on the socket ``name``, one of ``others``."""
    return f"answered by {app} on {name} of {':'.join(others or (name,))}\n"


def serving(image: str, *options: str, words: tuple[str, ...] = ("name",)) -> list[str]:
    """Return the command of a pod that answers on its sockets; ``options`` are of ``run``."""
    return [*TRUSTING, "run", *options, image, "--", *words]


def own_socket(unit: str) -> str:
    """Return the name that the first socket of a service has if nobody gives it one."""
    return socket_units(unit, 1)[0]


def check_first_connection(pods: Pods, network: str, port: int) -> None:
    """A connection starts the pod and is answered by it, like those that follow."""
    unit = pods.behind_sockets(serving(TALK, network), f"ListenStream={port}")
    before = pods.states()
    answers = [ask(pods, "stream", "127.0.0.1", port) for _ in range(3)]
    pod = pods.newest_of(unit).wait_active()

    assert before == {}
    assert answers == [answer("talk", own_socket(unit))] * 3
    assert pods.states() == {pod.uuid: "running"}
    assert len(pod.processes("talk")) == 1
    pods.host.run(["systemctl", "stop", own_socket(unit), unit])
    assert pod.properties("Result") == {"Result": "success"}
    assert pod.status()["app-talk"] == "0"


EVERY_KIND = (
    # By number, whatever the address.
    "ListenStream=127.0.0.1:7777\nListenStream=[::1]:7777\nListenDatagram=127.0.0.1:7778\n"
    "ListenStream=7780\nListenStream=7781\nListenStream=0.0.0.0:7782\nBindIPv6Only=both",
    # By the name of the port.
    "FileDescriptorName=line\nListenStream=127.0.0.1:9999",
    # By the name of the app: all that have no number.
    "FileDescriptorName=talk-many\nListenStream=/run/talk\nListenStream=@talk/many\n"
    "ListenSequentialPacket=/run/talk 50%%\nListenDatagram=/run/talk.gram\nRemoveOnStop=yes",
)
_QUESTIONS: tuple[tuple[int, str, str, int | None], ...] = (
    (2, "packets", "/run/talk 50%", None),
    (0, "stream", "127.0.0.1", 7777), (0, "stream", "::1", 7777),
    (0, "datagram", "127.0.0.1", 7778), (0, "stream", "::1", 7780),
    (0, "stream", "127.0.0.1", 7781), (0, "stream", "127.0.0.1", 7782),
    (1, "stream", "127.0.0.1", 9999),
    (2, "stream", "/run/talk", None), (2, "stream", "@talk/many", None),
    (2, "datagram", "/run/talk.gram", None),
)  # fmt: skip


def check_every_kind(pods: Pods) -> None:
    """Streams, datagrams and packets, by number and by name, reach an app without any network."""
    unit = pods.behind_sockets(serving(TALK_MANY, "--net=none"), *EVERY_KIND)
    names = (own_socket(unit), "line", "talk-many")
    answers = [ask(pods, *question) for _, *question in _QUESTIONS]  # type: ignore[arg-type]
    pod = pods.newest_of(unit).wait_active()

    said = [line.rpartition(" of ") for line in answers]
    assert [head for head, _, _ in said] == [
        f"answered by talk-many on {names[place]}" for place, *_ in _QUESTIONS
    ]
    # One unit's sockets stay in order; systemd promises none among those of several.
    (all_names,) = {tail for _, _, tail in said}
    assert sorted(all_names.split()[0].split(":")) == sorted(
        [names[0]] * 6 + [names[1]] + [names[2]] * 4
    )
    assert pods.states() == {pod.uuid: "running"}


def check_apps_with_sockets_of_their_own(pods: Pods) -> None:
    """Each of two apps answers on its own; a user namespace and a prepared pod change nothing."""
    host = pods.host
    pair = [TALK, "--name=one", "--", "name", "---", TALK, "--name=two", "--", "name"]
    uuid = host.run([*TRUSTING, "prepare", "--quiet", "--private-users", *pair]).stdout.strip()
    unit = pods.behind_sockets(
        [RKTPY, "run-prepared", "--net=none", uuid],
        "FileDescriptorName=one\nListenStream=127.0.0.1:7801",
        "FileDescriptorName=two\nListenStream=127.0.0.1:7802",
    )

    for app, port in (("one", 7801), ("two", 7802)):
        assert ask(pods, "stream", "127.0.0.1", port).startswith(f"answered by {app} on {app} ")
    assert pods.newest_of(unit).wait_active().uuid == uuid


def check_sockets_outlive_pods(pods: Pods) -> None:
    """Connections wait while the service starts again, and start it when it was stopped."""
    host = pods.host
    unit = pods.behind_sockets(serving(TALK, "--net=none"), f"ListenStream={TALK_PORT}")
    said, uuids = [], []
    inode = _inode(pods)
    for order in ("restart", "stop"):
        said.append(ask(pods, "stream", "127.0.0.1", TALK_PORT))
        uuids.append(pods.newest_of(unit).wait_active().uuid)
        host.run(["systemctl", order, unit])
    # What was asked of a pod that ends is answered by the next one.
    said.append(ask(pods, "stream", "127.0.0.1", TALK_PORT))
    pod = pods.newest_of(unit).wait_active()
    uuids.append(pod.uuid)

    assert said == [answer("talk", own_socket(unit))] * 3
    assert len(set(uuids)) == 3
    assert _inode(pods) == inode
    assert pods.states() == dict.fromkeys(uuids, "exited") | {pod.uuid: "running"}
    assert pod.properties("NRestarts", "Result") == {"NRestarts": "0", "Result": "success"}


def _inode(pods: Pods) -> str:
    script = "ss --listening --numeric --extended --no-header --tcp | grep -o ':7777 .*ino:[0-9]*'"
    return pods.host.sh(script).stdout.split("ino:")[1].strip()


def check_connections_wait_for_the_next_pod(pods: Pods) -> None:
    """An app answers one of three at once and ends; each of the others starts a pod of its own."""
    unit = pods.behind_sockets(
        serving(TALK, "--net=none", words=("name-once",)), f"ListenStream={TALK_PORT}"
    )
    argv = ["python3", "-c", _ASK, "stream", "127.0.0.1", str(TALK_PORT)]
    clients = [pods.host.start(argv) for _ in range(3)]
    ends = [client.wait(timeout=120 * pods.host.slowness) for client in clients]
    pods.host.wait_until("! rktpy list --no-legend | grep running")

    assert [end.stdout for end in ends] == [answer("talk", own_socket(unit))] * 3
    assert list(pods.states().values()) == ["exited"] * 3


def check_a_stop_leaves_connections_in_the_queue(pods: Pods) -> None:
    """What a pod did not answer is not lost with it, and does not keep it from an orderly end."""
    unit = pods.behind_sockets(
        serving(TALK, "--net=none", words=("deaf",)), f"ListenStream={TALK_PORT}"
    )
    waiting = pods.host.start(["python3", "-c", _ASK, "stream", "127.0.0.1", str(TALK_PORT)])
    first = pods.newest_of(unit).wait_active()
    pods.host.run(["systemctl", "stop", unit])
    pods.host.wait_until('grep -v "$1" "$2"', first.uuid, pods.uuid_file(unit))
    second = pods.newest_of(unit).wait_active()
    still = waiting.status
    pods.host.run(["systemctl", "stop", own_socket(unit), unit])
    waiting.wait(timeout=60 * pods.host.slowness)

    assert still is None, "somebody hung up"
    assert first.status()["app-talk"] == second.status()["app-talk"] == "0"
    assert second.properties("Result") == {"Result": "success"}


def check_what_reaches_no_app_is_told(pods: Pods) -> None:
    """A stray socket, a port without one, and a FIFO, each by its name and address."""
    unit = pods.behind_sockets(
        serving(TALK, "--net=host"), "FileDescriptorName=stray\nListenStream=127.0.0.1:7790"
    )
    pods.host.run(["systemctl", "start", unit])
    pod = pods.newest_of(unit).wait_active()
    # The pod's own systemd opened the port that the image names.
    own = ask(pods, "stream", "127.0.0.1", TALK_PORT)
    told = pods.journal(f"--unit={unit}")
    pods.host.run(["systemctl", "stop", own_socket(unit), unit])
    fifo = pods.behind_sockets(
        serving(TALK, "--net=host"), "FileDescriptorName=line\nListenFIFO=/run/talk.fifo\n"
        "RemoveOnStop=yes",
    )  # fmt: skip
    pods.host.run(["systemctl", "start", fifo], status=None)
    pods.host.wait_until('systemctl is-failed "$1"', fifo)
    refused = pods.journal(f"--unit={fifo}")

    assert pod.status()["state"] == "exited"
    assert own == answer("talk", "talk.socket")
    assert (
        'warning: socket 127.0.0.1:7790, called "stray", reaches no app: no socket-activated port'
        " has its number or name" in told
    )
    assert (
        'warning: no socket was handed over for port "line" of app talk: the pod itself listens'
        " on tcp 7777" in told
    )
    assert 'a FIFO, called "line", cannot be handed to app talk' in refused


def check_a_pod_for_each_connection(pods: Pods) -> None:
    """``Accept=yes``: the connection is the app's one socket."""
    argv = serving(TALK, "--port=line:7795", words=("name-once",))

    assert _said_to_each(pods, argv, 7795) == [answer("talk", "connection")] * 2
    assert list(pods.states().values()) == ["exited"] * 2


def check_a_connection_as_standard_streams(pods: Pods) -> None:
    """``StandardInput=socket``: an interactive app talks to the client as below inetd."""
    argv = serving(TALK, "--port=line:7796", "--interactive", words=("stdin",))
    streams = {"StandardInput": "socket", "StandardError": "journal"}

    assert _said_to_each(pods, argv, 7796, **streams) == ["talk was asked who is there?\n"] * 2


def _said_to_each(pods: Pods, argv: Sequence[str], port: int, **settings: str) -> list[str]:
    """Return what two connections hear from ``argv``, a pod each by ``Accept=yes``."""
    pods.unit("each@.service", {"ExecStart": quoted_for_unit(argv)} | settings)
    listen = f"ListenStream=127.0.0.1:{port}\nAccept=yes\n"
    unit = pods.add_unit("each.socket", f"[Socket]\n{listen}")
    pods.host.run(["systemctl", "start", unit])
    said = [ask(pods, "line", "127.0.0.1", port) for _ in range(2)]
    pods.host.run(["systemctl", "stop", unit])
    pods.host.wait_until("! rktpy list --no-legend | grep running")
    return said
