from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_what_was_there_before_is_no_leak() -> None:
    assert leaks.compare({"mount": ["/a"]}, {"mount": ["/a"]}) == []


def test_what_is_new_is_named_with_its_kind() -> None:
    before = {"mount": ["/a"], "loop device": []}

    found = leaks.compare(before, {"mount": ["/a", "/b"], "loop device": ["loop0 on /x"]})

    assert found == ["mount left behind: /b", "loop device left behind: loop0 on /x"]


def test_a_second_mount_on_the_same_place_is_a_leak() -> None:
    assert leaks.compare({"mount": ["/a"]}, {"mount": ["/a", "/a"]}) == ["mount left behind: /a"]


def test_what_goes_away_is_waited_for() -> None:
    rounds: Iterator[leaks.Snapshot] = iter([{"mount": ["/a"]}, {"mount": []}])

    assert leaks.settled({"mount": []}, lambda: next(rounds), deadline=5) == []


def test_the_host_s_own_services_are_no_leaks() -> None:
    own = ["systemd-machined.service", "user@0.service", "dbus.service"]

    assert [name for name in own if not leaks.OWN_SERVICES.match(name)] == []
    assert not leaks.OWN_SERVICES.match("machine-rkt.scope")


def test_of_another_boot_names_count_and_numbers_do_not() -> None:
    before = {"netns": ["net:[1]"], "process": ["7 cron -f"], "boot": ["a"]}
    after = {"netns": ["net:[2]"], "process": ["9 cron -f", "11 sleep 5"], "boot": ["b"]}
    compared = (leaks.of_another_boot(before), leaks.of_another_boot(after))

    assert leaks.compare(*compared) == ["process left behind: sleep 5"]
