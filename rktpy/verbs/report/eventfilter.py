"""Event filters: ``--filter=KEY=VALUE``. Pure.

An event must match one filter of every key that is given, and every filter with the key ``label``.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.pod.events.story import Kind, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.pod.events.story import Event

KEYS = ("type", "event", "pod", "app", "label", "image")
TYPES = (Kind.POD, Kind.APP, Kind.IMAGE)
STEPS = tuple(
    value
    for name, value in vars(Step).items()
    if not name.startswith("_") and value != Step.RESCANNED  # which passes every filter
)
_WORDS = {"type": TYPES, "event": STEPS}
_IMAGE_ID = "sha512-"


class FilterError(RktError):
    """A filter has an unknown key or word."""


class Filters:
    """Parsed filters.

    Raises:
        FilterError: one of the texts is not a filter.
    """

    __slots__ = ("_groups",)

    def __init__(self, texts: Sequence[str]) -> None:
        self._groups: dict[str, list[str]] = {}
        for text in texts:
            key, value = _parsed(text)
            self._groups.setdefault(key, []).append(value)

    def may_want(self, kind: str) -> bool:
        """Return whether any event of this type can match; if not, nothing has to be watched."""
        if kind not in self._groups.get("type", TYPES):
            return False
        if kind == Kind.IMAGE:
            return self._groups.keys().isdisjoint(("pod", "app", "label"))
        return "image" not in self._groups

    def may_want_step(self, *steps: str) -> bool:
        """Return whether one of these events of pods can match."""
        return self.may_want(Kind.POD) and not set(steps).isdisjoint(
            self._groups.get("event", STEPS)
        )

    def asks_for(self, *steps: str) -> bool:
        """Return whether a filter names one of these events."""
        return "event" in self._groups and self.may_want_step(*steps)

    def want(self, event: Event) -> bool:
        """Return whether ``event`` matches. Events about the watch itself always do."""
        if event.kind == Kind.WATCH:
            return True
        return all(_fits(key, values, event) for key, values in self._groups.items())


def check_filter(text: str) -> None:
    """Refuse what is not a filter.

    Raises:
        FilterError: with the reason.
    """
    _parsed(text)


def _parsed(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if key not in KEYS or not equals or not value:
        raise FilterError(
            f"invalid filter {quote(text)}",
            hint=f"write KEY=VALUE, with KEY one of {', '.join(KEYS)}",
        )
    words = _WORDS.get(key)
    if words is not None and value not in words:
        raise FilterError(
            f"invalid filter {quote(text)}: there is no {key} {quote(value)}",
            hint=f"it is one of {', '.join(words)}",
        )
    return key, value


def _fits(key: str, values: Sequence[str], event: Event) -> bool:
    if key == "type":
        return event.kind in values
    if key == "event":
        return event.step in values
    if key == "app":
        return event.app in values
    if key == "pod":
        return any(_is_pod(event, value) for value in values)
    if key == "image":
        return any(_is_image(event, value) for value in values)
    return all(_has_label(event, value) for value in values)


def _is_pod(event: Event, value: str) -> bool:
    """Match a name or the beginning of a UUID, as everywhere; the pod may not exist yet."""
    return bool(event.uuid) and (event.name == value or event.uuid.startswith(value.lower()))


def _is_image(event: Event, value: str) -> bool:
    if not event.image:
        return False
    if value.startswith(_IMAGE_ID):
        return event.image.startswith(value.lower())
    return value in (event.name, event.name.partition(":")[0])


def _has_label(event: Event, value: str) -> bool:
    key, equals, wanted = value.partition("=")
    return any(k == key and (not equals or v == wanted) for k, v in event.labels)
