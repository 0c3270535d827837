"""Whether an app may gain privileges (rkt-cli.md 12.5); the apps share a pod."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.row import App, Image, Row, one_pod

_SECCOMP = {"name": "os/linux/seccomp-retain-set", "value": {"set": ["@appc.io/all"]}}
_AS_USER = ("--user=1000", "--group=100")


def rows() -> list[Row]:
    def app(row: str, expect: int, isolators: list[dict[str, Any]], *words: str) -> App:
        image = Image(app={"isolators": isolators})
        options = ("--exec=/inspect", *words, "--", "-print-no-new-privs")
        return App(row, image, f"no_new_privs: {expect} err: errno 0\\s", options)

    yes, no = ([_no_new_privileges(value=value)] for value in (True, False))
    apps = [
        app("asked for", 1, yes),
        app("asked for by a user", 1, yes, *_AS_USER),
        app("not asked for", 0, no),
        app("not asked for by a user, every call allowed", 0, [*no, _SECCOMP], *_AS_USER),
        app("both", 1, [*no, *yes]),
        app("both, a user", 1, [*no, *yes], *_AS_USER),
        app("nothing said", 0, []),
    ]
    return one_pod(apps, insecure="image,paths")


def _no_new_privileges(*, value: bool) -> dict[str, Any]:
    return {"name": "os/linux/no-new-privileges", "value": value}
