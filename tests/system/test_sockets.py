"""A connection starts a pod: the host's socket becomes the app's (systemd.socket(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import sockets_on_host as on_host
from tests.support.pods_on_host import TALK_PORT

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize(
    ("port", "network"),
    [(TALK_PORT, "--net=host"), (8888, "--port=line:8888")],
    ids=["the image's port", "a published port"],
)
def test_the_first_connection_starts_the_pod_and_the_app_answers_it(
    pods: Pods, port: int, network: str
) -> None:
    on_host.check_first_connection(pods, network, port)


def test_sockets_of_every_kind_reach_an_app(pods: Pods) -> None:
    on_host.check_every_kind(pods)


def test_each_app_of_a_prepared_pod_gets_its_own_sockets(pods: Pods) -> None:
    on_host.check_apps_with_sockets_of_their_own(pods)


def test_sockets_outlive_pods_and_start_the_next(pods: Pods) -> None:
    on_host.check_sockets_outlive_pods(pods)


def test_connections_wait_for_the_next_pod(pods: Pods) -> None:
    on_host.check_connections_wait_for_the_next_pod(pods)


def test_a_stop_leaves_connections_in_the_queue(pods: Pods) -> None:
    on_host.check_a_stop_leaves_connections_in_the_queue(pods)


def test_what_reaches_no_app_is_told(pods: Pods) -> None:
    on_host.check_what_reaches_no_app_is_told(pods)


def test_a_pod_for_each_connection(pods: Pods) -> None:
    on_host.check_a_pod_for_each_connection(pods)


def test_a_connection_as_standard_streams(pods: Pods) -> None:
    on_host.check_a_connection_as_standard_streams(pods)
