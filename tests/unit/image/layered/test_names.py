"""Names of images in registries (docker2aci: TestParseDockerURL; images.md 4.1)."""

from __future__ import annotations

import pytest

from rktpy.image.layered.names import RegistryNameError, is_digest, parse_name

HUB = "registry-1.docker.io"
SHA = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("busybox", (HUB, "library/busybox", "latest", "")),
        ("library/busybox", (HUB, "library/busybox", "latest", "")),
        ("docker.io/library/busybox:1", (HUB, "library/busybox", "1", "")),
        ("index.docker.io/busybox", (HUB, "library/busybox", "latest", "")),
        (
            "gcr.io/google-samples/node-hello:1.0",
            ("gcr.io", "google-samples/node-hello", "1.0", ""),
        ),
        (f"alpine@{SHA}", (HUB, "library/alpine", "", SHA)),
        (f"alpine:3@{SHA}", (HUB, "library/alpine", "", SHA)),
        ("localhost/x", ("localhost", "x", "latest", "")),
        ("my.example.com:4000/busybox", ("my.example.com:4000", "busybox", "latest", "")),
        ("[::1]:5000/a/b_c", ("[::1]:5000", "a/b_c", "latest", "")),
    ],
)
def test_a_name_is_split_as_docker_does(text: str, expected: tuple[str, ...]) -> None:
    name = parse_name(text)

    assert (name.registry, name.repository, name.tag, name.digest) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "Busybox", "example.com/A", "a//b", "a/", "a:", "a:b:c", "a b", "a:-x", "../etc",
        "example.com/../x", "a@sha256:12", "a@md5:" + "0" * 32, "x" * 260, "ex ample.com/x",
    ],
)  # fmt: skip
def test_what_is_out_of_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(RegistryNameError):
        parse_name(text)


def test_a_digest_is_safe_in_a_path() -> None:
    assert is_digest(SHA)
    assert is_digest("sha512:" + "a" * 128)
    for text in ("sha256:../" + "a" * 61, SHA.upper(), "sha256:", SHA + "\n", "sha1:" + "a" * 40):
        assert not is_digest(text)
