"""The two nouns of the command table. Pure data; both front ends read it.

A handler is ``"module:function"`` below ``rktpy.cli.commands`` and is imported only when its
command was chosen; the options of a command are found the same way.
"""

from __future__ import annotations

# How a command reads what follows its own options.
PLAIN = "plain"  # options anywhere among the arguments
STOP = "stop"  # the first argument ends the options
IMAGES = "images"  # images, each with its own options and arguments (rkt-cli 3.1)
IMAGES_ONLY = "images-only"  # the same without application arguments

PROGRAM = "{program}"  # in ``Command.long``: the name that rktpy was called by


class Option:
    """One option. ``kind`` names the type, see ``rktpy.cli.kinds``.

    * ``bare``: the text used when the option stands alone; with it the value is optional and must
      be attached by ``=``. Booleans have ``true``.
    * ``default``: the typed value when the option is absent.
    * ``per_image``: belongs to the image before it; with ``also_global`` it may also stand before
      all of them, and then is for each.
    * ``stands_for``: a former spelling; the value is stored under that name.
    * ``experiment``: environment variable that must be true for the option to exist.
    * ``check``: ``"module:function"`` that refuses a value by raising ``RktError``.
    * ``complete``: what a shell may offer: ``pod``, ``running-pod``, ``image``,
      ``file``, ``dir``, ``copy`` (a pod with a colon, or a file) or words.
    """

    __slots__ = (
        "also_global",
        "bare",
        "check",
        "complete",
        "default",
        "deprecated",
        "experiment",
        "help",
        "hidden",
        "kind",
        "letter",
        "name",
        "once",
        "per_image",
        "stands_for",
    )

    def __init__(
        self,
        name: str,
        kind: str,
        help: str = "",  # noqa: A002 - the word users know
        *,
        default: object = "",
        bare: str = "",
        letter: str = "",
        hidden: bool = False,
        deprecated: str = "",
        per_image: bool = False,
        also_global: bool = False,
        once: bool = False,
        stands_for: str = "",
        experiment: str = "",
        check: str = "",
        complete: str | tuple[str, ...] = "",
    ) -> None:
        self.name = name
        self.kind = kind
        self.help = help
        self.default = default
        self.bare = "true" if kind == "bool" else bare
        self.letter = letter
        self.hidden = hidden
        self.deprecated = deprecated
        self.per_image = per_image
        self.also_global = also_global
        self.once = once
        self.stands_for = stands_for
        self.experiment = experiment
        self.check = check
        self.complete = complete

    def __repr__(self) -> str:
        return f"Option({self.name!r}, {self.kind!r})"


class Command:
    """One command or group: a group has ``commands``, or where they stand.

    * ``handler`` of a group serves calls whose first word names none of its commands.
    * ``path``: words after the program name, ``("image", "list")``; empty for the root.
    * ``options``: ``"module:NAME"`` of a tuple of ``Option`` below ``rktpy.cli.tables``.
    * ``arity``: least and most arguments, ``None`` for no limit; ``uuid_file`` says that
      ``--uuid-file`` may stand for them.
    * ``ready`` is false for what rkt has and this version does not.
    * ``extra``: rkt has no such command, so a prefix means it only if it means nothing else.
    """

    __slots__ = (
        "arity",
        "commands",
        "complete",
        "experiment",
        "extra",
        "grammar",
        "handler",
        "hidden",
        "long",
        "options",
        "path",
        "ready",
        "root",
        "short",
        "usage",
        "uuid_file",
    )

    def __init__(
        self,
        path: str,
        handler: str,
        short: str,
        *,
        usage: str = "",
        long: str = "",
        options: str = "",
        grammar: str = PLAIN,
        arity: tuple[int, int | None] = (0, None),
        uuid_file: bool = False,
        root: bool = False,
        hidden: bool = False,
        ready: bool = True,
        extra: bool = False,
        experiment: str = "",
        complete: str | tuple[str, ...] = "",
        commands: str | tuple[Command, ...] = (),
    ) -> None:
        self.path = tuple(path.split())
        self.handler = handler
        self.short = short
        self.usage = usage
        self.long = long
        self.options = options
        self.grammar = grammar
        self.arity = arity
        self.uuid_file = uuid_file
        self.root = root
        self.hidden = hidden
        self.ready = ready
        self.extra = extra
        self.experiment = experiment
        self.complete = complete
        self.commands = commands

    @property
    def leaf(self) -> str:
        """The name in front of every line on stderr: the last word of the command, or ``rkt``."""
        return self.path[-1] if self.path else "rkt"

    def __repr__(self) -> str:
        return f"Command({' '.join(self.path)!r})"
