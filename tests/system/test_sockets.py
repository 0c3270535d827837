"""A connection starts a pod: the host's socket becomes the app's (systemd.socket(5))."""

from __future__ import annotations

import pytest

from tests.support.pods_on_host import TALK, TALK_PORT, TRUSTING, Pods

LINE = "answered by talk\n"
ASK = "import socket, sys; print(socket.create_connection(sys.argv[1:]).makefile().read(), end='')"


def ask(pods: Pods, port: int) -> str:
    """Connect to ``port`` of the host and return what is answered."""
    return pods.host.run(["python3", "-c", ASK, "127.0.0.1", str(port)]).stdout


@pytest.mark.parametrize(
    ("port", "network"),
    [(TALK_PORT, "--net=host"), (8888, "--port=line:8888")],
    ids=["the image's port", "a published port"],
)
def test_the_first_connection_starts_the_pod_and_the_app_answers_it(
    pods: Pods, port: int, network: str
) -> None:
    unit = pods.behind_socket([*TRUSTING, "run", network, TALK, "--", "serve"], port)
    before = pods.states()
    answers = [ask(pods, port) for _ in range(3)]
    pod = pods.newest_of(unit).wait_active()

    assert before == {}
    assert answers == [LINE] * 3
    assert pods.states() == {pod.uuid: "running"}
    assert len(pod.processes("talk")) == 1
    pods.host.run(["systemctl", "stop", unit.replace(".service", ".socket"), unit])
    assert pod.properties("Result") == {"Result": "success"}
    assert pod.status()["app-talk"] == "0"


def test_each_connection_starts_a_pod_if_the_last_one_has_ended(pods: Pods) -> None:
    unit = pods.behind_socket(pods.argv(TALK, "serve-once"), TALK_PORT)
    uuids = []
    for _ in range(2):
        assert ask(pods, TALK_PORT) == LINE
        pod = pods.newest_of(unit)
        assert pod.wait_end() == 0
        uuids.append(pod.uuid)

    assert pods.states() == dict.fromkeys(uuids, "exited")
    assert len(set(uuids)) == 2


def test_a_socket_that_the_app_does_not_know_is_not_handed_on(pods: Pods) -> None:
    unit = pods.behind_socket(pods.argv(TALK, "serve"), TALK_PORT + 1)
    pods.host.run(["systemctl", "start", unit])
    pod = pods.newest_of(unit).wait_active()

    # The pod's own systemd opened the port that the image names.
    assert ask(pods, TALK_PORT) == LINE
    assert pods.states() == {pod.uuid: "running"}
