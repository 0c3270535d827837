"""What does not go with a pod manifest; who the hook is (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run

_PRE_START = {
    "user": "1000",
    "eventHandlers": [{"name": "pre-start", "exec": ["/inspect", "--print-user"]}],
}
_FOR_ALL = (
    ("--inherit-env",),
    ("--no-store",),
    ("--store-only",),
    ("--port=foo:80",),
    ("--set-env=foo=bar",),
    ("--volume=foo,kind=host,source=/tmp",),
    ("--mount=volume=foo,target=/tmp", "--volume=foo,kind=host,source=/tmp"),
)
_FOR_ONE = ("--exec=/bin/sh", "--user=user_foo", "--group=group_foo")


def rows() -> list[Row]:
    hook = Run(run("{image}"), (Image(app=_PRE_START),))
    return [
        *conflicts("run"),
        Row("a hook before the start is root", hook, "User: uid=0 euid=0 gid=0 egid=0"),
    ]


def conflicts(verb: str) -> list[Row]:
    """Return the rows about options that say what the pod manifest says."""
    lines = {" ".join(words): (verb, "--pod-manifest=/dev/null", *words) for words in _FOR_ALL}
    lines |= {
        f"an image with {word}": (verb, "dummy-image.aci", "--pod-manifest=/dev/null", word)
        for word in _FOR_ONE
    }
    text = r"conflicting flags set with --pod-manifest \(see --help\)"
    return [Row(name, Run(line, status=FAILED), text) for name, line in lines.items()]
