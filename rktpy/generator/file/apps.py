"""Sections ``[App]`` and ``[App NAME]`` → the words of ``rktpy run`` behind the pod's. Pure."""

from __future__ import annotations

from rktpy.generator.file.keys import APP, SECTIONS
from rktpy.generator.file.settings import Settings
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.generator.file.ini import Problem, Section

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class App(Value):
    """An app of the pod. ``volumes`` are options that belong before the first image."""

    name: str
    settings: Settings
    image: str
    options: tuple[str, ...]
    volumes: tuple[str, ...]
    args: tuple[str, ...]


def read_apps(sections: Mapping[str, Section], problems: list[Problem]) -> tuple[App, ...]:
    """Return the apps in the order of their first sections."""
    apps: list[App] = []
    for title, section in sections.items():
        kind, _, name = title.partition(" ")
        if kind == "App":
            if name and not _is_app_name(name):
                text = f"[{title}]: a name has small letters, digits and - between them"
                problems.append(section.problem(text))
            apps.append(_read(section, name, len(apps), problems))
    if len(apps) > 1:
        for app in apps:
            if not app.name and app.settings.section:
                text = "one of several apps needs a name: [App NAME]"
                problems.append(app.settings.section.problem(text))
    return tuple(apps)


def words_of(apps: Sequence[App]) -> tuple[str, ...]:
    """Return images with their options and arguments, as ``run`` takes them (rkt-cli 3.1)."""
    words: list[str] = []
    for app in apps:
        words += [app.image, *app.options]
        if app.args:
            words += ["--", *app.args]
        words.append("---")  # ends this app's words, whatever they were
    return tuple(words[:-1])


def _is_app_name(name: str) -> bool:
    # appc's ACName, which also fits into the name of a unit.
    return _NAME.issuperset(name) and not name.startswith("-") and not name.endswith("-")


def _read(section: Section, name: str, number: int, problems: list[Problem]) -> App:
    settings = Settings(section, SECTIONS["App"], problems)
    image = settings.one("Image")
    entry = settings.entry("Image")
    if not image:
        problems.append(section.problem(f"[{section.name}] has no Image="))
    elif entry and (image.startswith("-") or any(c in " \t" for c in image)):
        problems.append(entry.problem(f"Image=: {image} cannot be an image"))
    program, args = _command(settings, problems)
    volumes, mounts = _volumes(settings, name or f"app{number}", problems)
    options = (
        *([f"--name={name}"] if name else ()),
        *([f"--exec={program}"] if program else ()),
        *settings.options(APP),
        *mounts,
    )
    return App(name, settings, image, options, volumes, args)


def _command(settings: Settings, problems: list[Problem]) -> tuple[str, tuple[str, ...]]:
    """Return the program that replaces the image's, and the arguments."""
    program, args = "", settings.all("Args")
    if words := settings.all("Exec"):
        program, *rest = words
        if args and (entry := settings.entry("Args")):
            problems.append(entry.problem("Args=: the arguments are in Exec= already"))
        args = tuple(rest)
    entry = settings.entry("Exec") or settings.entry("Args")
    if entry and settings.all("Exec")[:1] == ("",):
        problems.append(entry.problem("Exec=: the program has no name"))
    if entry and "---" in args:  # rkt's grammar takes it for the end of the arguments
        problems.append(entry.problem(f"{entry.key}=: an argument cannot be ---"))
    return program, args


def _volumes(
    settings: Settings, app: str, problems: list[Problem]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return volumes to declare and mounts, from quadlet's ``SOURCE:TARGET[:ro|rw]``."""
    volumes, mounts = [], []
    entry = settings.entry("Volume")
    for number, text in enumerate(settings.all("Volume")):
        source, _, rest = text.partition(":")
        target, _, mode = rest.partition(":")
        bad = not source or target[:1] != "/" or mode not in ("", "ro", "rw") or "," in text
        if bad or (source[:1] == "." and entry):
            if entry:
                problems.append(
                    entry.problem(f"Volume=: {text} is not SOURCE:TARGET, with absolute paths")
                )
            continue
        name = source
        if source[:1] in ("/", "%"):
            name = f"{app}-volume{number}"
            only = ",readOnly=true" if mode == "ro" else ""
            volumes.append(f"--volume={name},kind=host,source={source}{only}")
        elif mode and entry:
            problems.append(
                entry.problem(f"Volume=: {mode} belongs to the volume {source} in [Pod]")
            )
        mounts.append(f"--mount=volume={name},target={target}")
    return tuple(volumes), tuple(mounts)
