"""Reading discovery pages and filling in their templates; asking servers is integration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.image import metatags
from rktpy.image.discovery import Endpoint, expand
from rktpy.image.metatags import Meta, parse_metas

NAME = "example.com/myapp"
LABELS = {"version": "1.0.0", "os": "linux", "arch": "amd64"}
FULL = "https://storage.example.com/{name}-{version}-{os}-{arch}.{ext}"


@pytest.mark.parametrize(
    ("template", "labels", "path"),
    [
        (FULL, LABELS, "example.com/myapp-1.0.0-linux-amd64.aci"),
        (FULL, {"version": "1.0.0"}, None),
        (FULL, LABELS | {"os": ""}, None),
        ("https://storage.example.com/{name}-{version}.{ext}", {}, "example.com/myapp-latest.aci"),
        ("https://storage.example.com/{version}", LABELS | {"version": "{os}"}, "{os}"),
        ("https://storage.example.com/{name}", LABELS | {"name": "other"}, NAME),
        ("https://storage.example.com/{}", LABELS, None),
        ("https://storage.example.com/a{b", LABELS, "a{b"),
    ],
)
def test_a_template_is_filled_in_once_or_not_at_all(
    template: str, labels: dict[str, str], path: str | None
) -> None:
    found = expand(template, NAME, labels)

    assert (found and found.image) == (path and f"https://storage.example.com/{path}")


def test_the_signature_is_the_same_with_another_ending() -> None:
    assert expand("https://x.org/{name}.{ext}?a={ext}", NAME, {}) == Endpoint(
        f"https://x.org/{NAME}.aci?a=aci", f"https://x.org/{NAME}.aci.asc?a=aci.asc"
    )


@pytest.mark.parametrize(
    "page",
    [
        '<meta name="ac-discovery" content="example.com https://x.org/{name}">',
        "<META NAME='ac-discovery' CONTENT='example.com https://x.org/{name}'/>",
        "<meta content='  example.com   https://x.org/{name} ' name=ac-discovery>",
        '<p><b></p><meta\nname="ac-discovery" content="example.com https:&#x2f;/x.org/{name}"',
        '<meta charset=utf-8><meta name="ac-discovery" content="example.com https://x.org/{name}">',
        '<meta name="ac-discovery" name="other" content="example.com https://x.org/{name}">',
    ],
)
def test_tags_are_read_as_browsers_would(page: str) -> None:
    assert parse_metas(page + ">") == (Meta("ac-discovery", "example.com", "https://x.org/{name}"),)


@pytest.mark.parametrize(
    "page",
    [
        "",
        '<!-- <meta name="ac-discovery" content="example.com https://x.org"> -->',
        '<script>"<meta name=\\"ac-discovery\\" content=\\"example.com https://x.org\\">"</script>',
        '<title><meta name="ac-discovery" content="example.com https://x.org"></title>',
        '<metadata name="ac-discovery" content="example.com https://x.org">',
        '<meta name="ac-discovery" content="example.com">',
        '<meta name="description" content="example.com https://x.org">',
        '<meta name="ac-discovery" content="example.com https://x.org',
        '<meta x:name="ac-discovery" content="example.com https://x.org">',
    ],
)
def test_what_is_no_tag_of_ours_is_passed_over(page: str) -> None:
    assert parse_metas(page) == ()


@given(st.text(alphabet="<>!-/=\"' \nametcontsripl&#;{}", max_size=300))
def test_no_page_is_too_broken(page: str) -> None:
    parse_metas(page)


@pytest.mark.parametrize(
    "piece", ["<meta ", '<meta a="', "<!--", "<", "<script>", "<meta a='\"", "&"]
)
def test_a_page_made_to_waste_time_is_read(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads such a page in time quadratic to its length does not come back for hours."""
    monkeypatch.setattr(metatags, "_MANY", 100)
    assert parse_metas(piece * ((1 << 18) // len(piece))) == ()


def test_a_page_cannot_make_a_url_without_end() -> None:
    assert expand("https://x/" + "{os}" * 100, "example.com/a", {"os": "l" * 1000}) is None
