"""Pods of a network find each other by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

NET = ("run", "--net=default")


def hosts(rkt: Rktpy, uuid: str) -> str:
    """Return what the app of a running pod sees."""
    return rkt.ok("enter", uuid, "/bin/busybox", "cat", "/etc/hosts")


def look_up(rkt: Rktpy, uuid: str, name: str) -> str:
    """Return which address a program in the pod takes ``name`` for; in a user namespace it may
    not send there."""
    told = rkt("enter", uuid, "/bin/busybox", "ping", "-c1", "-w1", name).out
    return told.partition("(")[2].partition(")")[0]


@pytest.mark.parametrize("options", [(), ("--no-overlay",), ("--private-users",)])
def test_pods_find_each_other_as_they_come_and_go(rkt: Rktpy, options: tuple[str, ...]) -> None:
    with rkt.start(*NET, *options, "--pod-name=front", SHELL, "--", "sleep 300") as front:
        first = front.ready()
        alone = hosts(rkt, first)
        with rkt.start(*NET, *options, "--pod-name=back", SHELL, "--", "sleep 300") as back:
            second = back.ready()
            both, other = hosts(rkt, first), hosts(rkt, second)
            found = (look_up(rkt, first, "back"), look_up(rkt, second, f"rkt-{first}"))
            rkt.ok("stop", second)
        rkt.collect()
        again = hosts(rkt, first)

    assert found == ("172.16.28.3", "172.16.28.2")
    assert f"localhost4.localdomain4 rkt-{first}\n" in alone
    assert f"172.16.28.2 front rkt-{first} " in alone
    assert f"172.16.28.3 back rkt-{second} " in both
    assert f"172.16.28.2 front rkt-{first} " in other
    assert f"localhost4.localdomain4 rkt-{second}\n" in other
    assert again == alone


def test_root_of_a_pod_can_write_its_hosts_file(rkt: Rktpy) -> None:
    for options in ((), ("--private-users",)):
        script = "echo 10.9.9.9 mine >> /etc/hosts && tail -n1 /etc/hosts"
        done = rkt(*NET, *options, SHELL, "--", script)

        assert done.lines() == ["10.9.9.9 mine"], done


def test_entries_of_the_user_stand_before_the_neighbours(rkt: Rktpy) -> None:
    done = rkt(*NET, "--hosts-entry=10.1.1.1=db", "--hostname=me", SHELL, "--", "cat /etc/hosts")

    assert done.out.index("10.1.1.1 db") < done.out.index("172.16.28.2 me ")
    uuid = rkt.pods()[0].rpartition("/")[2]
    assert f"172.16.28.2 me rkt-{uuid} " in done.out


def test_the_hosts_file_of_the_host_has_no_neighbours(rkt: Rktpy) -> None:
    done = rkt(*NET, "--hosts-entry=host", SHELL, "--", "cat /etc/hosts")

    with open("/etc/hosts") as file:
        assert "".join(f"{line}\n" for line in done.lines()).strip() == file.read().strip()
