"""Images on a command line: their own options, their arguments, the volumes they name.

The grammar of rkt-cli 3.1: ``IMAGE [options] [-- arguments [---]] IMAGE …``.
"""

from __future__ import annotations

from rktpy.cli.call import AppArgs
from rktpy.cli.output import quote
from rktpy.cli.spec import IMAGES
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rktpy.cli.walk import Reading


class ImageArgumentsError(RktError):
    """The images and what belongs to them cannot be read."""


def read_images(reading: Reading) -> list[AppArgs]:
    """Return the images among ``reading.args``; options between them go where they belong.

    Raises:
        ImageArgumentsError: the cause says what is wrong.
    """
    try:
        apps = _walk(reading, reading.args, arguments=reading.command.grammar == IMAGES)
        _refuse_dangling(apps, reading.values)
    except RktError as error:
        what = "error parsing app image arguments"
        if reading.command.grammar != IMAGES:
            what = "unable to parse arguments"
        hint = error.hint or f"see: rktpy {' '.join(reading.command.path)} --help"
        raise ImageArgumentsError(what, hint=hint) from error
    return apps


def _walk(reading: Reading, words: Sequence[str], *, arguments: bool) -> list[AppArgs]:
    apps: list[AppArgs] = []
    inside = False  # between "--" and "---"
    at = 0
    while at < len(words):
        word = words[at]
        if word == "---":
            inside = False
        elif inside:
            apps[-1].args.append(word)
        elif word == "--":
            _begin_arguments(apps, arguments=arguments)
            inside = True
        elif word == "":
            pass  # two blanks in a row, where a shell did not split
        elif (after := reading.take(words, at, among_images=True)) > at:
            at = after
            continue
        else:
            reading.app = AppArgs(word)
            apps.append(reading.app)
        at += 1
    return apps


def _begin_arguments(apps: list[AppArgs], *, arguments: bool) -> None:
    if not arguments:
        raise RktError("app arguments unsupported")
    if not apps:
        raise RktError("an image is required before any app arguments")
    if apps[-1].args_seen:
        raise RktError("only one set of app arguments allowed per image")
    apps[-1].args_seen = True


def _refuse_dangling(apps: list[AppArgs], options: dict[str, Any]) -> None:
    mounts = [*options.get("mount", ())]
    for app in apps:
        mounts += app.options.get("mount", ())
    if not mounts:
        return
    from rktpy.appc.volume import Mount

    volumes = {text.partition(",")[0] for text in options.get("volume", ())}
    for mount in map(Mount.parse, mounts):
        if mount.volume not in volumes:
            path, volume = quote(mount.path), quote(mount.volume)
            raise RktError(f"dangling mount point {path}: volume {volume} not found")


def check_volume(text: str) -> None:
    """Refuse a bad ``--volume`` value.

    Raises:
        RktError: the reason, with the value.
    """
    from rktpy.appc.volume import Volume

    try:
        Volume.parse(text)
    except RktError as error:
        raise RktError(f"invalid value in --volume flag {quote(text)}") from error
