"""Reading and writing any manifest changes nothing; nothing but our own error comes out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rktpy import codec
from rktpy.appc.image import ImageManifest
from rktpy.appc.pod import PodManifest
from rktpy.appc.types import AppcError

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
TEXT = st.text(max_size=8)
PATHS = st.text(alphabet="abc/.é ", max_size=8).map(lambda tail: "/" + tail)
EXTRA = st.dictionaries(NAMES.map("x-{}".format), st.integers() | TEXT, max_size=1)


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    known = st.fixed_dictionaries(required, optional=optional)
    return st.tuples(known, EXTRA).map(lambda pair: pair[0] | pair[1])


def named(names: st.SearchStrategy[Any], **fields: Any) -> st.SearchStrategy[Any]:
    """A non-empty list of objects with distinct names."""
    item = objects({"name": names, **fields}, {})
    return st.lists(item, min_size=1, max_size=3, unique_by=lambda found: found["name"])


PAIRS = named(NAMES.map("k-{}".format), value=TEXT)
VARIABLE = TEXT.filter(lambda text: "\0" not in text)
ARGUMENTS = st.lists(VARIABLE, min_size=1, max_size=3)
APPS = objects(
    {"exec": ARGUMENTS, "user": NAMES, "group": NAMES},
    {
        "workingDirectory": PATHS,
        "environment": named(NAMES.map("V{}".format), value=VARIABLE),
        "mountPoints": named(NAMES, path=PATHS),
        "ports": named(
            NAMES,
            protocol=st.sampled_from(["tcp", "udp"]),
            port=st.integers(1, 65000),
            count=st.integers(1, 500),
            socketActivated=st.booleans(),
        ),
        "isolators": named(NAMES, value=st.integers() | st.lists(TEXT)),
        "userLabels": st.dictionaries(TEXT, TEXT, min_size=1, max_size=2),
    },
)
VOLUMES = objects(
    {"name": NAMES, "kind": st.just("host"), "source": PATHS},
    {"readOnly": st.booleans(), "recursive": st.booleans()},
)
IDS = NAMES.map(lambda name: "sha512-" + name.replace("-", ""))
RUNTIME_APPS = objects(
    {"name": NAMES, "image": objects({"id": IDS}, {"labels": PAIRS})},
    {"app": APPS, "annotations": PAIRS, "readOnlyRootFS": st.just(True)},
)  # fmt: skip


def unique(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(items, max_size=2, unique_by=lambda found: found["name"])


PODS = objects(
    {
        "acVersion": st.just("0.8.11"),
        "acKind": st.just("PodManifest"),
        "apps": unique(RUNTIME_APPS),
        "volumes": unique(VOLUMES),
        "isolators": st.none() | named(NAMES, value=TEXT),
        "annotations": st.none() | PAIRS,
        "ports": st.none() | named(NAMES, hostPort=st.integers(1, 65535)),
    },
    {},
)
IMAGES = objects(
    {"acKind": st.just("ImageManifest"), "acVersion": st.just("0.8.11"), "name": NAMES},
    {"app": APPS, "labels": PAIRS, "pathWhitelist": st.lists(PATHS, min_size=1, max_size=3)},
)


@given(PODS)
def test_reading_and_writing_a_pod_changes_nothing(pod: dict[str, object]) -> None:
    assert PodManifest.from_json(codec.compact(pod)).to_object() == pod


@given(IMAGES)
def test_reading_and_writing_an_image_changes_nothing(image: dict[str, object]) -> None:
    assert ImageManifest.from_json(codec.compact(image)).to_object() == image


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def damaged(whole: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Some object with one value somewhere replaced by any JSON."""

    def damage(value: Any, route: list[int], by: object) -> Any:
        if not route or not isinstance(value, (dict, list)) or not value:
            return by
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = keys[route[0] % len(keys)]
        copy = value.copy()
        copy[key] = damage(value[key], route[1:], by)
        return copy

    return st.builds(damage, whole, st.lists(st.integers(0, 20), min_size=1, max_size=5), JSON)


@given(damaged(PODS))
def test_a_damaged_pod_is_read_or_refused_by_us(value: object) -> None:
    try:
        pod = PodManifest.from_object(value)
    except AppcError:
        return
    assert PodManifest.from_object(pod.to_object()) == pod


@given(damaged(IMAGES))
def test_a_damaged_image_is_read_or_refused_by_us(value: object) -> None:
    try:
        image = ImageManifest.from_object(value)
    except AppcError:
        return
    assert ImageManifest.from_object(image.to_object()) == image
