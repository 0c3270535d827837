"""``rktpy generate unit POD`` and ``rktpy generate unit [options of run] IMAGE...``.

``--format=pod`` says the same as a file of the generator.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.cli.commands.generate import program_path
from rktpy.cli.recall import Recalled, recall
from rktpy.cli.table import GLOBAL_OPTIONS, ROOT, options_of, subcommands
from rktpy.cli.tables.services import UNIT
from rktpy.errors import RktError, UsageError
from rktpy.generator.podfile import AppWords
from rktpy.verbs.generate_unit import (
    UnitError,
    UnitWishes,
    as_it_was_made,
    pod_file_text,
    unit_text,
    write_unit,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call
    from rktpy.verbs.generate_unit import MadePod

_SUFFIXES = {"": ".service", "service": ".service", "pod": ".pod"}
_OWN = frozenset(option.name for option in UNIT)
_WITH_A_POD = _OWN | {"pod-name"} | {option.name for option in options_of(GLOBAL_OPTIONS)}
_LEFT_OUT = frozenset(("interactive", "quiet", "pod-name", "replace"))
# What a stored image, found by its ID, needs no more.
_OF_FETCHING = frozenset(("no-store", "pull-policy", "signature", "store-only"))


def generate_unit(call: Call) -> int:
    """Print the unit, or write it below ``--output``; doubts go to stderr."""
    suffix = _SUFFIXES.get(call.options["format"])
    if suffix is None:
        raise UnitError(f"--format={call.options['format']} is none of: service, pod")
    made = _pod(call)
    line = _of_pod(call, made) if made else _of_images(call)
    _warn(line, made)
    name = call.options["pod-name"] or (made.name if made else "")
    stem = call.options["unit-name"].removesuffix(suffix) or name or _stem(line, made)
    wishes = UnitWishes(
        stem=stem,
        pod=name or stem,
        type=call.options["type"],
        restart=call.options["restart"],
        wants=call.options["wants"],
        after=call.options["after"],
        requires=call.options["requires"],
        wanted_by=call.options["wanted-by"],
        may_fetch=made is None and not call.options["pod-manifest"],
    )
    if suffix == ".pod":
        options = (*line.globals, *line.options)
        text = pod_file_text(options, _named(line, made), wishes)
    else:
        text = unit_text((program_path(), *line.globals), line.ungated().words, wishes)
    if call.options["output"]:
        call.out(write_unit(call.options["output"], stem + suffix, text))
    else:
        call.out(text)
    return 0


def _pod(call: Call) -> MadePod | None:
    """Return the pod that the only argument names, if it names one."""
    if len(call.apps) != 1 or call.apps[0].options or call.apps[0].args:
        return None
    made = as_it_was_made(call.site, call.apps[0].image)
    if made is not None and (said := call.given - _WITH_A_POD):
        raise UsageError(f"--{min(said)} is for images; a pod keeps the options it was run with")
    return made


def _of_pod(call: Call, made: MadePod) -> Recalled:
    commands = {one.path: one for one in subcommands(ROOT, os.environ)}
    record, without = made.command, _LEFT_OUT | _OF_FETCHING
    line = recall(commands["run",], record.words, record.directory, without=without)
    if start := record.start:
        command = commands["run-prepared",]
        line = line.started(recall(command, start.words, start.directory, without=without))
    if len(line.apps) == len(made.images):
        apps = zip(line.apps, made.images, strict=True)
        line = line.replace(apps=tuple(app.replace(image=image) for app, image in apps))
    return line


def _of_images(call: Call) -> Recalled:
    from rktpy.cli.commands.podflags import run_request

    run_request(call)  # what run would refuse is refused here
    without = _LEFT_OUT | _OWN
    return recall(call.command, call.typed, os.getcwd(), without=without)


def _warn(line: Recalled, made: MadePod | None) -> None:
    if "interactive" in line.named:
        log.write_line("generate unit: --interactive is left out: a service has no terminal")
    if "inherit-env" in line.named:
        log.write_line("generate unit: --inherit-env will pass on the environment of the unit")
    if made is not None and made.running:
        log.write_line(
            f"generate unit: pod {made.shown} runs; the unit stops and replaces it when it starts"
        )


def _stem(line: Recalled, made: MadePod | None) -> str:
    if made is not None:
        return f"pod-{made.shown[:8]}"
    if not line.apps:
        raise RktError("the unit needs a name", hint="add --unit-name=NAME or --pod-name=NAME")
    return line.apps[0].name or _short(line.apps[0].image) or "pod"


def _short(image: str) -> str:
    """Return the name that people would give to what runs ``image``."""
    word = image.rstrip("/").rpartition("/")[2].partition("@")[0].partition(":")[0]
    return word.removesuffix(".aci")


def _named(line: Recalled, made: MadePod | None) -> tuple[AppWords, ...]:
    """Return the apps with names, which they need in a ``.pod`` file if there are several."""
    names = [app.name for app in line.apps]
    if len(names) > 1:
        given = made.apps if made is not None else tuple(_short(app.image) for app in line.apps)
        names = [name or other for name, other in zip(names, given, strict=True)]
        if len(set(names)) < len(names):
            raise RktError("several apps of one name", hint="add --name=NAME after each image")
    return tuple(
        AppWords(app.image, app.options, app.args, name)
        for app, name in zip(line.apps, names, strict=True)
    )
