"""Ports of the host have one owner: a running pod, a process, or nobody."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.net.claims import DIRECTORY, ClaimError, claim, release
from rktpy.net.firewall.applying import apply
from rktpy.net.rules import Masquerade, Published, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.pool import ApplyResult

ONE, TWO = "6b1c2d3e-0000-4000-8000-000000000001", "6b1c2d3e-0000-4000-8000-000000000002"
WEB = Published("tcp", 8080, 80)


@pytest.fixture(autouse=True)
def _nobody_has_a_port() -> Iterator[None]:
    yield
    for uuid in os.listdir(f"{DIRECTORY}/pods"):
        release(uuid)


def everybody(pod: str) -> bool:
    assert pod.startswith("/pods/")
    return True


def nobody(_pod: str) -> bool:
    return False


def take(uuid: str, *ports: Published) -> None:
    claim(uuid, f"/pods/{uuid}", ports, everybody)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (WEB, "tcp-0.0.0.0:8080"),
        (Published("tcp", 8080, 1, "192.0.2.1"), "tcp-192.0.2.1:8080"),
        (Published("tcp", 8080, 1, "::1"), "tcp-[::1]:8080"),
        (Published("tcp", 8000, 1, count=100), "tcp-0.0.0.0:8080"),
    ],
)
def test_a_port_of_a_running_pod_is_refused(other: Published, says: str) -> None:
    take(ONE, WEB)

    with pytest.raises(ClaimError) as caught:
        take(TWO, Published("udp", 1, 1), other)

    assert caught.value.message == f"port {says} is published by pod {ONE}"
    assert caught.value.hint is not None
    assert f"rktpy stop {ONE}" in caught.value.hint
    release(ONE)
    take(TWO, other)
    take(TWO, other)


@pytest.mark.parametrize(
    "other",
    [
        Published("udp", 8080, 80),
        Published("tcp", 8081, 80),
        Published("tcp", 8000, 80, count=80),
    ],
)
def test_other_ports_are_free(other: Published) -> None:
    take(ONE, WEB)
    take(TWO, other)


def test_addresses_of_the_host_are_apart() -> None:
    take(ONE, Published("tcp", 80, 80, "192.0.2.1"))
    take(TWO, Published("tcp", 80, 80, "192.0.2.2"), Published("tcp", 80, 80, "::"))

    with pytest.raises(ClaimError, match="is published by pod"):
        take("3", Published("tcp", 80, 80, "0.0.0.0"))  # noqa: S104 - text


def test_the_port_of_a_pod_that_ended_changes_hands_with_its_rules() -> None:
    take(ONE, WEB, Published("tcp", 81, 81))
    apply(ONE, Rules((Masquerade("172.16.28.2/24"),)))

    claim(TWO, f"/pods/{TWO}", [WEB], nobody)

    assert subprocess.check_output(["nft", "list", "ruleset"]) == b""
    take("3", Published("tcp", 81, 81))
    release(ONE)
    with pytest.raises(ClaimError):
        take("3", WEB)


@pytest.mark.parametrize(
    ("family", "kind", "host"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        (socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0"),  # noqa: S104 - in a namespace of its own
    ],
)
def test_a_port_on_which_the_host_listens_is_refused(
    family: socket.AddressFamily, kind: socket.SocketKind, host: str
) -> None:
    protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
    with socket.socket(family, kind) as taken:
        taken.bind((host, 8085))
        if protocol == "tcp":
            taken.listen()
        with pytest.raises(ClaimError) as caught:
            take(ONE, Published(protocol, 8080, 80, count=10))
        take(
            ONE,
            Published(protocol, 8085, 80, "192.0.2.1" if host in ("127.0.0.1", "::1") else "::1"),
        )

    assert (
        caught.value.message == f"port {protocol}-0.0.0.0:8085 is in use by a process of the host"
    )
    assert caught.value.hint is not None
    assert "ss -lnp" in caught.value.hint
    take(ONE, Published(protocol, 8080, 80, count=10))


def test_an_address_that_comes_with_the_network_can_be_claimed() -> None:
    take(ONE, Published("tcp", 80, 80, "172.16.28.1"), Published("udp", 80, 80, "fd02::1"))


def test_garbage_does_not_matter() -> None:
    take(ONE, WEB)
    for name in os.listdir(f"{DIRECTORY}/pods"):
        Path(f"{DIRECTORY}/pods/{name}").write_bytes(b"\xff\n../../x\ntcp-x\n")
    bucket = Path(f"{DIRECTORY}/tcp-126")
    bucket.write_bytes(bucket.read_bytes() + b'\xff\n[1,2]\n["../x",8080,8080,"","/pods/x"]\n{')
    Path(f"{DIRECTORY}/udp-0").mkdir()
    Path(f"{DIRECTORY}/.new").write_text("half", encoding="ascii")

    release(ONE)
    with pytest.raises(ClaimError):
        take(TWO, WEB)
    claim(TWO, f"/pods/{TWO}", [WEB, Published("udp", 5, 5)], nobody)
    with pytest.raises(ClaimError, match=TWO):
        take(ONE, Published("udp", 5, 5))
    (aside,) = Path(DIRECTORY).glob("udp-0.*")
    aside.rmdir()


def test_release_leaves_nothing() -> None:
    take(ONE, WEB, Published("udp", 60, 60, count=10), Published("sctp", 9, 9))
    release(ONE)
    release(ONE)

    assert sorted(os.listdir(DIRECTORY)) == ["pods"]
    assert os.listdir(f"{DIRECTORY}/pods") == []


def _race(number: int) -> bool:
    try:
        take(f"pod{number}", WEB)
    except ClaimError:
        return False
    return True


def test_of_many_at_once_one_gets_the_port() -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        told: list[ApplyResult[bool]] = [pool.apply_async(_race, (n,)) for n in range(24)]
        won = [one.get(timeout=60) for one in told]

    assert sum(won) == 1


def test_a_port_of_another_network_namespace_is_another_port() -> None:
    """A unit may have one of its own (``PrivateNetwork=``, ``NetworkNamespacePath=``)."""
    take(ONE, WEB)
    child = os.fork()
    if child == 0:
        syscalls.unshare(syscalls.CLONE_NEWNET)
        try:
            take(TWO, WEB)
        except ClaimError:
            os._exit(1)
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(ClaimError, match=f"by pod {ONE}$"):
        take(TWO, WEB)


def test_a_claim_of_an_older_version_counts_everywhere() -> None:
    take(TWO, Published("tcp", 8100, 80))
    name = f"{DIRECTORY}/tcp-{8080 // 64}"
    Path(name).write_text(f'["{ONE}",8080,8080,"","/pods/{ONE}"]\n')
    Path(f"{DIRECTORY}/pods/{ONE}").write_text(f"{os.path.basename(name)}\n")

    with pytest.raises(ClaimError, match=f"by pod {ONE}$"):
        take(TWO, WEB)
