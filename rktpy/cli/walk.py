"""rkt's command line grammar over the table, without click. Pure: argv in, a reading out.

Order of things, as in rkt: find the command (options may stand before it), read its options,
then, after the caller has checked privileges, read images or count arguments. The texts of the
refusals are those of the option library rkt uses.
"""

from __future__ import annotations

from rktpy.cli import kinds
from rktpy.cli.output import quote
from rktpy.cli.spec import PLAIN, Command, Option
from rktpy.cli.table import GLOBAL_OPTIONS, ROOT, options_of, subcommands
from rktpy.errors import RktError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from rktpy.cli.call import AppArgs


# What an option looks like, and what was typed before, does not depend on which experiments are on.
EVERYTHING = {"RKT_EXPERIMENT_APP": "1", "RKT_EXPERIMENT_ATTACH": "1"}


class UnknownCommandError(RktError):
    """No command has that name; ``group`` is where it was looked for."""

    def __init__(self, word: str, group: Command, program: str) -> None:
        path = " ".join((program, *group.path))
        super().__init__(f"unknown command {quote(word)} for {quote(path)}")
        self.word = word
        self.group = group


def find(
    argv: Sequence[str], environ: Mapping[str, str], program: str = "rkt"
) -> tuple[Command, list[str]]:
    """Return the command that ``argv`` names and the words left once its name is taken out.

    A group is returned as it is when no word, or an unknown one, follows: an argument, if the group
    has a handler.

    Raises:
        UnknownCommandError: the first word is not a command.
    """
    command = ROOT
    rest = list(argv)
    while command.commands:
        at = _first_word(rest)
        if at is None:
            break
        chosen = match(command, rest[at], environ)
        if chosen is None:
            if command is ROOT:
                raise UnknownCommandError(rest[at], command, program)
            break
        del rest[at]
        command = chosen
    return command, rest


def match(group: Command, word: str, environ: Mapping[str, str]) -> Command | None:
    """Return the command of ``group`` with this name, or whose only name this is a prefix of."""
    candidates = [c for c in subcommands(group, environ) if c.path[-1].startswith(word)]
    for command in candidates:
        if command.path[-1] == word:
            return command
    if len(candidates) > 1:
        candidates = [c for c in candidates if not c.extra]
    return candidates[0] if len(candidates) == 1 else None


def _first_word(words: Sequence[str]) -> int | None:
    """Return where the first word is that is neither an option nor the value of one."""
    value_follows = False
    for at, word in enumerate(words):
        if word.startswith("--"):
            value_follows = "=" not in word and len(word) > 2 and _takes_next(word[2:])
        elif value_follows:
            value_follows = False
        elif word and not word.startswith("-"):
            return at
    return None


def _takes_next(name: str) -> bool:
    for option in options_of(GLOBAL_OPTIONS):
        if option.name == name:
            return not option.bare
    # An option of a command not known yet: any command having it tells. (rkt takes the next word
    # for its value whatever it is, so that `rkt --no-store fetch X` finds no command.)
    return not any(option.bare for option in _everywhere(ROOT) if option.name == name)


def _everywhere(group: Command) -> list[Option]:
    found: list[Option] = []
    for command in subcommands(group, EVERYTHING):
        found += _everywhere(command)
        found += options_of(command.options)
    return found


class Reading:
    """The options of one command as far as they are read, and where per-image ones go."""

    __slots__ = ("app", "args", "command", "given", "known", "letters", "notices", "values")

    def __init__(self, command: Command, environ: Mapping[str, str]) -> None:
        self.command = command
        self.known: dict[str, Option] = {}
        self.letters: dict[str, Option] = {}
        for option in (*options_of(GLOBAL_OPTIONS), *options_of(command.options)):
            if not option.experiment or kinds.is_true(environ.get(option.experiment)):
                self.known[option.name] = option
                if option.letter:
                    self.letters[option.letter] = option
        self.values: dict[str, Any] = {}
        self.given: set[str] = set()
        self.notices: list[str] = []  # deprecated options that were used, for stderr
        self.app: AppArgs | None = None
        self.args: list[str] = []

    def options(self) -> dict[str, Any]:
        """Return every option that is not per image with its value or default."""
        filled = {
            name: kinds.empty(option)
            for name, option in self.known.items()
            if not option.stands_for and (not option.per_image or option.also_global)
        }
        return filled | self.values

    def take(self, words: Sequence[str], at: int, *, among_images: bool = False) -> int:
        """Read options from ``words[at:]`` up to the first word that is none; return its place.

        Raises:
            UsageError: an option is unknown, lacks its value, or refuses it.
        """
        while at < len(words):
            word = words[at]
            if len(word) < 2 or word[0] != "-" or word == "--":
                break
            if among_images and word == "---":
                break
            at = self._long(words, at) if word[1] == "-" else self._short(words, at)
        return at

    def _long(self, words: Sequence[str], at: int) -> int:
        word = words[at]
        name, equals, value = word[2:].partition("=")
        if not name or name[0] == "-":
            raise UsageError(f"bad flag syntax: {word}")
        option = self.known.get(name)
        if option is None:
            raise UsageError(f"unknown flag: --{name}")
        at += 1
        if not equals:
            if option.bare:
                value = option.bare
            elif at == len(words):
                raise UsageError(f"flag needs an argument: {word}")
            else:
                value = words[at]
                at += 1
        self.store(option, value)
        return at

    def _short(self, words: Sequence[str], at: int) -> int:
        letters = words[at][1:]
        at += 1
        while letters:
            option = self.letters.get(letters[0])
            if option is None:
                raise UsageError(f"unknown shorthand flag: {_char(letters[0])} in -{letters}")
            rest = letters[1:]
            if rest[:1] == "=" and len(rest) > 1:
                self.store(option, rest[1:])
                break
            if option.bare:
                self.store(option, option.bare)
                letters = rest
                continue
            if not rest:
                if at == len(words):
                    raise UsageError(f"flag needs an argument: {_char(letters[0])} in -{letters}")
                rest = words[at]
                at += 1
            self.store(option, rest)
            break
        return at

    def store(self, option: Option, text: str) -> None:
        """Put the value of ``option`` where it belongs: the pod, or the image before it.

        Raises:
            UsageError: the value is refused, or an image must come first.
        """
        name = option.stands_for or option.name
        try:
            target = self._target(option)
            self._refuse_rivals(option)
            target[name] = kinds.parse(option, text, target.get(name))
        except RktError as error:
            reason = ": ".join(level.message for level in _levels(error))
            message = f"invalid argument {quote(text)} for --{option.name}: {reason}"
            # The reason is whole: behind "error parsing …" only the innermost text is shown.
            raise UsageError(message, hint=error.hint) from None
        if target is self.values:
            self.given.add(name)
        if option.deprecated:
            self.notices.append(f"Flag --{option.name} has been deprecated, {option.deprecated}")

    def _target(self, option: Option) -> dict[str, Any]:
        if not option.per_image:
            return self.values
        if self.app is not None:
            return self.app.options
        if option.also_global:
            return self.values
        noun = "application" if option.kind == "stream" else "image"
        raise kinds.BadValueError(f"--{option.name} must follow an {noun}")

    def _refuse_rivals(self, option: Option) -> None:
        """Where stage1 comes from can be said once, and in one way."""
        if option.kind != "stage1":
            return
        for name in self.given:
            if self.known[name].kind == "stage1":
                if name == option.name:
                    raise kinds.BadValueError(f"--{name} already used")
                raise kinds.BadValueError(
                    f"flags --{option.name} and --{name} are mutually exclusive"
                )


def read(command: Command, words: Sequence[str], environ: Mapping[str, str]) -> Reading:
    """Read the options of ``command`` from ``words``; what is left is in ``Reading.args``.

    Raises:
        UsageError: see ``Reading.take``.
    """
    reading = Reading(command, environ)
    at = 0
    while (at := reading.take(words, at)) < len(words):
        if words[at] == "--":
            reading.args += words[at + 1 :]
            break
        if command.grammar != PLAIN:
            reading.args += words[at:]
            break
        reading.args.append(words[at])
        at += 1
    return reading


def count_arguments(reading: Reading) -> None:
    """Refuse a wrong number of arguments.

    Raises:
        UsageError: too few or too many, or a UUID both as argument and in a file.
    """
    command = reading.command
    least, most = command.arity
    count = len(reading.args)
    if command.uuid_file and reading.values.get("uuid-file"):
        # rkt's cat-manifest prefers the file and ignores arguments; the others want one form.
        if count and command.leaf != "cat-manifest":
            raise UsageError("give a UUID or --uuid-file, not both")
        return
    if count < least or (most is not None and count > most):
        wanted = str(least) if most == least else f"at least {least}"
        raise UsageError(f"{command.leaf} takes {wanted} argument(s), got {count}")


def _levels(error: BaseException | None) -> list[RktError]:
    found = []
    while isinstance(error, RktError):
        found.append(error)
        error = error.__cause__
    return found


def _char(char: str) -> str:
    return f"'{quote(char)[1:-1]}'"
