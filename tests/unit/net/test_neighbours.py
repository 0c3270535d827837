"""What pods of a network are called, and what of it can stand in a hosts file."""

from __future__ import annotations

import pytest

from rktpy.net.neighbours import Neighbour, is_host_name, lines

OLD = Neighbour("u1", "/p/1", ("10.0.0.2/24", "fd00::2/64"), "front", "rkt-u1", ("web", "db"), 1)
NEW = Neighbour("u2", "/p/2", ("10.0.0.3/24",), "back", "box", ("web",), 2)


def names(*pods: Neighbour) -> dict[str, list[str]]:
    """Return the names by address."""
    found: dict[str, list[str]] = {}
    for line in lines(pods):
        address, *rest = line.split(" ")
        found.setdefault(address, []).extend(rest)
    return found


def test_a_pod_has_its_names_and_those_of_its_apps() -> None:
    wanted = ["front", "rkt-u1", "web.front", "db.front", "web", "db"]

    assert names(OLD) == {"10.0.0.2": wanted, "fd00::2": wanted}


def test_the_oldest_pod_has_the_bare_name_of_an_app() -> None:
    assert lines([OLD, NEW]) == lines([NEW, OLD])
    assert names(OLD, NEW)["10.0.0.3"] == ["back", "box", "rkt-u2", "web.back"]
    assert "web" in names(NEW)["10.0.0.3"]


def test_the_name_of_a_pod_beats_that_of_an_older_app() -> None:
    newer = NEW.replace(name="db")

    assert "db" in names(OLD, newer)["10.0.0.3"]
    assert "db" not in names(OLD, newer)["10.0.0.2"]
    assert "db.front" in names(OLD, newer)["10.0.0.2"]


def test_names_differ_by_more_than_case() -> None:
    assert names(OLD, NEW.replace(name="Front"))["10.0.0.3"][0] == "box"


def test_apps_of_a_pod_without_name_have_the_bare_one_only() -> None:
    assert names(OLD.replace(name=""))["10.0.0.2"] == ["rkt-u1", "web", "db"]


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a\nb", "a\tb", "a\0b", "a#b", "-a", "a-", "a..b", ".a", "a.", "a/b", "ä",
     "10.0.0.1", "7", "a.7", "0x7f", "x" * 64, "a." * 127 + "a", "::1", "%eth0"],
)  # fmt: skip
def test_what_is_no_host_name_is_left_out(name: str) -> None:
    assert not is_host_name(name)
    assert names(OLD.replace(name=name, apps=(name,)))["10.0.0.2"] == ["rkt-u1"]


@pytest.mark.parametrize("name", ["a", "7a", "a.b-c_d", "x" * 63, "a." * 126 + "a"])
def test_host_names(name: str) -> None:
    assert is_host_name(name)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "ip6-loopback"])
def test_nobody_gets_a_name_of_the_loopback(name: str) -> None:
    assert names(OLD.replace(name=name, hostname=name, apps=(name,)))["10.0.0.2"] == [
        "rkt-u1", f"{name}.{name}",
    ]  # fmt: skip


def test_what_is_no_address_is_left_out() -> None:
    assert list(names(OLD.replace(addresses=("x", "1.2.3", "\n1.2.3.4", "1.2.3.4/8")))) == [
        "1.2.3.4"
    ]


def test_lines_are_short_enough_for_musl() -> None:
    apps = tuple(f"app-{number}" for number in range(500))
    found = lines([OLD.replace(apps=apps)])

    assert max(map(len, found)) <= 400
    assert set(apps) < set(names(OLD.replace(apps=apps))["10.0.0.2"])
