"""A command line of ``run`` taken apart, so that it can be put into a unit. Pure.

Every option keeps the words it was given with, in its order; relative paths become absolute.
"""

from __future__ import annotations

import os

from rktpy.cli.apps import read_images
from rktpy.cli.spec import IMAGES
from rktpy.cli.table import GLOBAL_OPTIONS, options_of
from rktpy.cli.walk import EVERYTHING, Reading
from rktpy.generator.file.keys import ungated
from rktpy.image.reference import Kind, parse_reference
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rktpy.cli.call import AppArgs
    from rktpy.cli.spec import Command, Option

_FILES = frozenset(
    (
        "dir", "local-config", "pod-manifest", "set-env-file", "signature", "stage1-path",
        "system-config", "user-config", "uuid-file-save",
    )
)  # fmt: skip


class RecalledApp(Value):
    """One image, the options behind it, and its arguments."""

    image: str
    options: tuple[str, ...] = ()
    args: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What ``--name=`` calls it, empty for nothing."""
        names = [word[7:] for word in self.options if word.startswith("--name=")]
        return names[-1] if names else ""

    @property
    def words(self) -> tuple[str, ...]:
        """The same as it is typed."""
        args = ("--", *self.args, "---") if self.args else ()
        return (self.image, *self.options, *args)


class Recalled(Value):
    """A whole command line. ``named`` are the names of options that stood in it."""

    globals: tuple[str, ...]
    options: tuple[str, ...]
    apps: tuple[RecalledApp, ...]
    named: frozenset[str]

    @property
    def words(self) -> tuple[str, ...]:
        """What stands behind ``rktpy run``."""
        return (*self.options, *(word for app in self.apps for word in app.words))

    def ungated(self) -> Recalled:
        """Return this line for a unit, in whose environment no experiment is on."""
        apps = (app.replace(options=tuple(map(ungated, app.options))) for app in self.apps)
        return self.replace(apps=tuple(apps))

    def started(self, start: Recalled) -> Recalled:
        """Return this line of ``prepare`` with the options of ``run-prepared``, as ``run`` takes
        both."""
        return self.replace(
            globals=tuple(dict.fromkeys((*self.globals, *start.globals))),
            options=tuple(dict.fromkeys((*self.options, *start.options))),
            named=self.named | start.named,
        )


class _Noting(Reading):
    """Reads options and keeps the words."""

    __slots__ = ("said",)

    def __init__(self, command: Command) -> None:
        super().__init__(command, EVERYTHING)
        self.said: list[tuple[Option, str, AppArgs | None]] = []

    def store(self, option: Option, text: str) -> None:
        super().store(option, text)
        self.said.append((option, text, self.app if option.per_image else None))


def recall(
    command: Command, words: Sequence[str], directory: str, *, without: Collection[str] = ()
) -> Recalled:
    """Return ``words`` behind ``command`` taken apart, less the options named in ``without``.

    Raises:
        UsageError, ImageArgumentsError: they are none that ``command`` takes.
    """
    reading = _Noting(command)
    at = reading.take(words, 0)
    reading.args = list(words[at + 1 if words[at : at + 1] == ["--"] else at :])
    apps = read_images(reading) if command.grammar == IMAGES else _passed_over(reading)
    general = {option.name for option in options_of(GLOBAL_OPTIONS)}

    def texts(app: AppArgs | None, *, of_rktpy: bool = False) -> tuple[str, ...]:
        return tuple(
            f"--{option.name}={_absolute(option.name, text, directory)}"
            for option, text, owner in reading.said
            if owner is app and (option.name in general) == of_rktpy and option.name not in without
        )

    return Recalled(
        globals=texts(None, of_rktpy=True),
        options=texts(None),
        apps=tuple(
            RecalledApp(_image(app.image, directory), texts(app), tuple(app.args)) for app in apps
        ),
        named=frozenset(option.name for option, _, _ in reading.said),
    )


def _passed_over(reading: Reading) -> list[AppArgs]:
    """Read options between and behind the arguments of a command without images."""
    at = 0
    while at < len(reading.args) and reading.args[at] != "--":
        at = reading.take(reading.args, at + 1)
    return []


def _absolute(name: str, text: str, directory: str) -> str:
    return os.path.normpath(os.path.join(directory, text)) if name in _FILES and text else text


def _image(word: str, directory: str) -> str:
    if parse_reference(word).kind == Kind.FILE and not word.startswith("file:"):
        return os.path.normpath(os.path.join(directory, word))
    return word
