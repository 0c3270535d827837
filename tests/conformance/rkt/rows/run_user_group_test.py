"""As whom an app runs; each has another app before and behind it (rkt-cli.md 12.2)."""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.rkt.row import App, Image, Row, one_pod

_BARE = Image(("--print-user",))
_OWN = Image(("--print-user",), app={"user": "400", "group": "500"})
_ROOT = Image(("--print-user",), app={"user": "root", "group": "root"})
_DUMMY = Image(("--print-msg=HelloDummy",))


def rows() -> list[Row]:
    apps = _apps()
    private = [replace(app, row=f"private users: {app.row}") for app in apps]
    return [*_between(apps), *_between(private, "--private-users", "--no-overlay")]


def _apps() -> list[App]:
    def app(row: str, uid: int, gid: int, *words: str, image: Image = _BARE) -> App:
        return App(row, image, f"User: uid={uid} euid={uid} gid={gid} egid={gid}\\s", words)

    return [
        app("nobody named", 0, 0),
        app("a user", 200, 0, "--user=200"),
        app("a group", 0, 300, "--group=300"),
        app("both", 200, 300, "--user=200", "--group=300"),
        app("a user's name", 1000, 300, "--user=user1", "--group=300"),
        app("a group's name", 200, 100, "--user=200", "--group=group1"),
        app("the image's", 400, 500, image=_OWN),
        app("a user over the image's", 200, 500, "--user=200", image=_OWN),
        app("a group over the image's", 400, 300, "--group=300", image=_OWN),
        app("both over the image's", 200, 300, "--user=200", "--group=300", image=_OWN),
        app("names over the image's", 1000, 100, "--user=user1", "--group=group1", image=_OWN),
        app("root by name in the image", 0, 0, image=_ROOT),
        app("root by name", 0, 0, "--user=root", "--group=root"),
        app("the owner of a file", 0, 0, "--user=/inspect", "--group=/inspect"),
    ]


def _between(apps: list[App], *options: str) -> list[Row]:
    """Return the rows of ``apps`` in one pod, with a dummy app in front and one at the end."""
    dummy = App("", _DUMMY, "HelloDummy")
    return one_pod([dummy, *apps, dummy], *options)[1:-1]
