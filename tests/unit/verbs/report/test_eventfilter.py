"""Which events fit which filters."""

from __future__ import annotations

import pytest

from rktpy.cli.tables.pods import FILTERS
from rktpy.pod.events.story import Event, Kind, Step
from rktpy.verbs.report.eventfilter import KEYS, STEPS, FilterError, Filters, check_filter

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
LABELS = (("env", "live"), ("tier", "front"))
POD = Event(Kind.POD, Step.EXITED, 1, UUID, "web", LABELS, status=0)
APP = Event(Kind.APP, Step.EXITED, 1, UUID, "web", LABELS, app="server", status=7)
IMAGE = Event(Kind.IMAGE, Step.FETCHED, 1, name="example.com/web:1.2", image="sha512-abc")
LOST = Event(Kind.WATCH, Step.RESCANNED, 1)


@pytest.mark.parametrize(
    ("filters", "fitting"),
    [
        ("", [POD, APP, IMAGE]),
        ("type=pod", [POD]),
        ("type=pod type=app", [POD, APP]),
        ("event=exited", [POD, APP]),
        ("event=fetched event=removed", [IMAGE]),
        ("type=app event=started", []),
        ("pod=web", [POD, APP]),
        ("pod=0F74 pod=other", [POD, APP]),
        ("pod=server", []),
        ("app=server", [APP]),
        ("app=web", []),
        ("label=tier", [POD, APP]),
        ("label=tier=front label=env", [POD, APP]),
        ("label=tier=front label=env=test", []),
        ("label=tie", []),
        ("image=example.com/web", [IMAGE]),
        ("image=example.com/web:1.2", [IMAGE]),
        ("image=SHA512-abc", []),
        ("image=sha512-AB", [IMAGE]),
        ("image=example.com/we", []),
    ],
)
def test_what_fits(filters: str, fitting: list[Event]) -> None:
    found = Filters(filters.split())

    assert [event for event in (POD, APP, IMAGE) if found.want(event)] == fitting
    assert found.want(LOST)
    kinds = {Kind.POD, Kind.APP, Kind.IMAGE}
    assert {event.kind for event in fitting} <= {kind for kind in kinds if found.may_want(kind)}


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ("type=image", "image"),
        ("type=pod", "pod"),
        ("pod=web", "pod app"),
        ("image=web", "image"),
        ("image=web pod=web", ""),
        ("event=fetched", "pod app image"),
    ],
)
def test_what_nobody_wants_need_not_be_watched(filters: str, kinds: str) -> None:
    found = Filters(filters.split())

    assert [k for k in (Kind.POD, Kind.APP, Kind.IMAGE) if found.may_want(k)] == kinds.split()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pod", 'invalid filter "pod"'),
        ("pod=", 'invalid filter "pod="'),
        ("name=web", 'invalid filter "name=web"'),
        ("type=machine", 'invalid filter "type=machine": there is no type "machine"'),
        ("event=died", 'invalid filter "event=died": there is no event "died"'),
    ],
)
def test_what_is_no_filter_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        check_filter(text)

    assert str(caught.value) == reason
    assert caught.value.hint


def test_shells_offer_what_there_is() -> None:
    for text in FILTERS:
        check_filter(text if text[-1] != "=" else f"{text}x")

    assert {text.partition("=")[0] for text in FILTERS} == set(KEYS)
    assert {text for text in FILTERS if text.startswith("event=")} == {f"event={s}" for s in STEPS}


@pytest.mark.parametrize(
    ("texts", "may", "asks"),
    [
        ((), True, False),
        (("event=ready",), False, False),
        (("event=ready", "event=unregistered"), True, True),
        (("type=app",), False, False),
        (("type=app", "event=registered"), False, False),
        (("pod=web",), True, False),
        (("image=example.com/shell",), False, False),
    ],
)
def test_machined_is_listened_to_only_if_it_may_matter(
    texts: tuple[str, ...], *, may: bool, asks: bool
) -> None:
    filters, steps = Filters(texts), (Step.REGISTERED, Step.UNREGISTERED)

    assert (filters.may_want_step(*steps), filters.asks_for(*steps)) == (may, asks)
