"""Image manifests that break one rule each, with the words the refusal must contain.

The rules and texts are those of images.md 1.4 to 1.8 and 1.12; ``text`` is what rkt says, so tests
look for it inside the message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.images import image_manifest


@dataclass(frozen=True)
class BrokenManifest:
    """One broken manifest: an identifier for the test, its bytes, a part of the error message."""

    name: str
    raw: bytes
    text: str


def broken_manifests() -> tuple[BrokenManifest, ...]:
    """Return all of them; each differs from a good manifest in one point."""
    return (*_syntax(), *_top_level(), *_lists(), *_app(), *_ports(), *_isolators())


def _good(**changes: Any) -> dict[str, Any]:
    """Return a good manifest with top-level keys replaced; None takes a key out."""
    manifest = image_manifest("example.com/app") | changes
    return {key: value for key, value in manifest.items() if value is not None}


def _broken(name: str, text: str, /, **changes: Any) -> BrokenManifest:
    return BrokenManifest(name, json.dumps(_good(**changes)).encode(), text)


def _with_app(name: str, text: str, /, **changes: Any) -> BrokenManifest:
    app = {"exec": ["/bin/app"], "user": "0", "group": "0"} | changes
    return _broken(name, text, app={key: v for key, v in app.items() if v is not None})


def _syntax() -> list[BrokenManifest]:
    good = json.dumps(_good()).encode()
    return [
        BrokenManifest("no JSON", b"not json at all", "line 1"),
        BrokenManifest("cut off", good[: len(good) // 2], "line 1"),
        BrokenManifest("trailing data", good + b" {}", ""),
        BrokenManifest("empty", b"", ""),
        BrokenManifest("a list", b"[]", ""),
        BrokenManifest("a number", b"7", ""),
        BrokenManifest("null", b"null", ""),
        BrokenManifest("no UTF-8", good.replace(b"example", b"ex\xff\xfeple"), ""),
        BrokenManifest("deep", b'{"acKind":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
        BrokenManifest("NaN", good.replace(b'"0.8.11"', b"NaN"), ""),
    ]


def _top_level() -> list[BrokenManifest]:
    kind = 'missing or bad ACKind (must be "ImageManifest")'
    identifier = "ACIdentifier must contain only lower case alphanumeric characters"
    edges = "ACIdentifier must start and end with only lower case alphanumeric characters"
    return [
        _broken("no acKind", "ACKind", acKind=None),
        _broken("pod manifest", kind, acKind="PodManifest"),
        _broken("unknown kind", "bad ACKind: Banana", acKind="Banana"),
        _broken("no acVersion", "acVersion must be set", acVersion=None),
        _broken("two-part acVersion", "SemVer is bad", acVersion="0.8"),
        _broken("word as acVersion", "SemVer is bad", acVersion="latest"),
        _broken("zero acVersion", "SemVer cannot be zero", acVersion="0.0.0"),
        _broken("no name", "name must be set", name=None),
        _broken("upper case name", identifier, name="example.com/APP"),
        _broken("blank in name", identifier, name="example.com/my app"),
        _broken("name begins with slash", edges, name="/example"),
        _broken("name ends with dot", edges, name="example."),
        _broken("number as name", "", name=7),
    ]


def _lists() -> list[BrokenManifest]:
    version = [{"name": "version", "value": "1"}]
    created = [{"name": "created", "value": "yesterday"}]
    homepage = [{"name": "homepage", "value": "ftp://example.com"}]
    note = {"name": "authors", "value": "x"}
    return [
        _broken("duplicate label", 'duplicate labels of name "version"', labels=version * 2),
        _broken(
            "label called name",
            'invalid label name: "name"',
            labels=[{"name": "name", "value": "x"}],
        ),
        _broken("bad os", 'bad os "plan9"', labels=_labels(os="plan9", arch="amd64")),
        _broken("bad arch", 'bad arch "z80" for linux', labels=_labels(os="linux", arch="z80")),
        _broken("bad label name", "ACIdentifier", labels=[{"name": "V!", "value": "1"}]),
        _broken("labels no list", "", labels={"os": "linux"}),
        _broken(
            "duplicate annotation",
            'duplicate annotations of name "authors"',
            annotations=[note] * 2,
        ),
        _broken("bad date", "bad Date:", annotations=created),
        _broken("bad URL", "bad URL scheme, must be http/https", annotations=homepage),
        _broken("dependency without name", "imageName cannot be empty", dependencies=[{}]),
        _broken(
            "dependency with bad hash",
            "hash",
            dependencies=[{"imageName": "example.com/base", "imageID": "md5-abc"}],
        ),
    ]


def _app() -> list[BrokenManifest]:
    variable = {"name": "A", "value": "1"}
    handler = {"name": "pre-start", "exec": ["/x"]}
    return [
        _with_app("no user", "user is required", user=None),
        _with_app("no group", "group is required", group=None),
        _with_app("exec no list", "", exec="/bin/app"),
        _with_app("exec of numbers", "", exec=[1]),
        _with_app(
            "relative working directory",
            "workingDirectory must be an absolute path",
            workingDirectory="tmp",
        ),
        _with_app(
            "duplicate variable",
            'duplicate environment variable of name "A"',
            environment=[variable] * 2,
        ),
        _with_app(
            "bad variable",
            'environment variable does not have valid identifier "1=2"',
            environment=[{"name": "1=2", "value": ""}],
        ),
        _with_app(
            "empty variable",
            "environment variable name must not be empty",
            environment=[{"name": "", "value": ""}],
        ),
        _with_app(
            "two handlers",
            'Only one eventHandler of name "pre-start" allowed',
            eventHandlers=[handler] * 2,
        ),
        _with_app(
            "unknown handler",
            'bad eventHandler "name": "at-noon"',
            eventHandlers=[handler | {"name": "at-noon"}],
        ),
        _with_app("negative group id", "", supplementaryGIDs=[-1]),
        _with_app("bad mount point name", "ACName", mountPoints=[{"name": "A B", "path": "/x"}]),
    ]


def _ports() -> list[BrokenManifest]:
    def port(number: object, count: object = 1) -> list[dict[str, object]]:
        return [{"name": "web", "protocol": "tcp", "port": number, "count": count}]

    return [
        _with_app("port 0", "port must be in 1-65535 range", ports=port(0)),
        _with_app("port 65536", "port must be in 1-65535 range", ports=port(65536)),
        _with_app("port range", "end of port range must be in 1-65535 range", ports=port(65535, 2)),
        _with_app("negative port", "", ports=port(-1)),
        _with_app("text port", "", ports=port("80")),
    ]


def _isolators() -> list[BrokenManifest]:
    def isolator(name: str, value: object) -> list[dict[str, object]]:
        return [{"name": name, "value": value}]

    return [
        _with_app("bad memory", "", isolators=isolator("resource/memory", {"limit": "much"})),
        _with_app("bad cpu", "", isolators=isolator("resource/cpu", {"limit": "1.2.3"})),
        _with_app(
            "capability set of text",
            "",
            isolators=isolator("os/linux/capabilities-retain-set", {"set": "CAP_KILL"}),
        ),
        _with_app("bad isolator name", "ACIdentifier", isolators=isolator("Memory", {})),
    ]


def _labels(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]
