"""Filters of system calls (rkt-cli.md 12.5)."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.row import FAILED, App, Image, Row, Run, one_pod, run

_STAT = ("/inspect", "-file-name", "/", "-stat-file")
_SEEN = "/: mode: d"


def rows() -> list[Row]:
    return [*_lives(), *_refused(), *_lifted()]


def _filter(mode: str, *names: str, errno: str = "") -> dict[str, Any]:
    value: dict[str, Any] = {"set": list(names)} | ({"errno": errno} if errno else {})
    return {"isolators": [{"name": f"os/linux/seccomp-{mode}-set", "value": value}]}


def _image(app: dict[str, Any] | None = None) -> Image:
    return Image(app={"exec": _STAT, "isolators": []} | (app or {}))


def _lives() -> list[Row]:
    def app(row: str, *words: str, of_image: dict[str, Any] | None = None) -> App:
        return App(row, _image(of_image), _SEEN, words)

    reboot = _filter("remove", "reboot")
    apps = [
        app("the default"),
        app("all allowed", of_image=_filter("retain", "@appc.io/all")),
        app("nothing removed", of_image=_filter("remove", "@appc.io/empty")),
        app("the default removed", of_image=_filter("remove", "@rkt/default-blacklist")),
        app("reboot removed", of_image=reboot),
        app("reboot removed, another group", "--group=100", of_image=reboot),
        app("reboot removed, another user", "--user=1000", of_image=reboot),
        app("rkt's list", of_image=_filter("retain", "@rkt/default-whitelist")),
        app("docker's list", of_image=_filter("retain", "@docker/default-whitelist")),
        app("all allowed over the image's", "--seccomp=mode=retain,@appc.io/all",
            of_image=_filter("remove", "stat")),
    ]  # fmt: skip
    return one_pod(apps)


def _refused() -> list[Row]:
    option = "--seccomp=mode=remove,errno=EXFULL,stat"
    app = _filter("remove", "stat", errno="EXFULL")
    return [
        Row("stat removed by the image", Run(run("{image}"), (_image(app),), FAILED),
            "exchange full"),
        Row("stat removed by option", Run(run("{image}", option), (_image(),), FAILED),
            "exchange full"),
    ]  # fmt: skip


def _lifted() -> list[Row]:
    image = _image(_filter("remove", "stat", errno="EMULTIHOP"))

    def row(insecure: str, expect: str, status: int = 0) -> Row:
        words = run("{image}", f"--insecure-options={insecure}")
        return Row(f"stat removed with {insecure}", Run(words, (image,), status), expect)

    return [
        row("image,ondisk,capabilities,paths", "multihop attempted", FAILED),
        row("image,seccomp", _SEEN),
        row("image,all-run", _SEEN),
    ]
