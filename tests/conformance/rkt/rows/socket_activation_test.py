"""Sockets that start a pod (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_ANSWERS = "test_the_first_connection_starts_the_pod_and_the_app_answers_it"
_PROXY = "test_a_connection_to_the_host_starts_redis_in_its_network"


def rows() -> list[Shown]:
    return [
        Shown("an activated app answers", f"system/test_sockets.py::{_ANSWERS}"),
        Shown("behind systemd-socket-proxyd", f"system/test_socket_proxy.py::{_PROXY}"),
    ]
