"""Options of ``rktpy run`` → the text of a ``.pod`` file: the inverse of ``pods``. Pure.

Both use the table ``keys``. An option of the pod without a key, or with a value that a line cannot
hold, goes to ``RunArgs=``; such an option of an app is refused.
"""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.generator.file.ini import continues
from rktpy.generator.file.keys import APP, GLOBAL, ONE, POD, WORDS, YES
from rktpy.generator.file.names import SUFFIX
from rktpy.generator.file.settings import FALSE, TRUE
from rktpy.generator.file.words import literal, word_text
from rktpy.generator.pods import PodFile, generate
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rktpy.generator.file.keys import Key

_BEHIND = ("Service", "Install")  # sections that stand after those of the pod
# Deprecated names of options, which have no keys of their own.
_OLD = {"cap-retain": "caps-retain", "cap-remove": "caps-remove"}


class NoPodFileTextError(RktError):
    """A command line cannot be expressed as a ``.pod`` file."""


class AppWords(Value):
    """One image: ``options`` are ``--name=value``, ``name`` is the app's, empty for the image's."""

    image: str
    options: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    name: str = ""


def pod_text(
    options: Sequence[str],
    apps: Sequence[AppWords],
    *,
    stem: str,
    through: Mapping[str, Sequence[tuple[str, str]]],
) -> str:
    """Return the file ``STEM.pod`` that runs the same; ``options`` are the pod's and the global
    ones, ``through`` are lines of ``[Unit]``, ``[Service]`` and ``[Install]``.

    Raises:
        NoPodFileTextError: a ``.pod`` file cannot express it.
    """
    lines, rest = _lines(options, {**GLOBAL, **POD})
    lines += [("RunArgs", literal(word_text(word))) for word in rest]
    sections = [("Pod", lines), *map(_app, apps)]
    _check(_text(sections), stem)
    order = (("Unit", through["Unit"]), *sections, *((k, through[k]) for k in _BEHIND))
    return _text(order)


def _app(app: AppWords) -> tuple[str, list[tuple[str, str]]]:
    options = [word for word in app.options if not word.startswith(("--name=", "--exec="))]
    lines, rest = _lines(options, APP)
    if rest:
        name, _, value = rest[0].partition("=")
        raise NoPodFileTextError(
            f"a {SUFFIX} file has no key for {name} with the value {value!r}",
            hint="leave out --format=pod to get a unit",
        )
    program = [word[7:] for word in app.options if word.startswith("--exec=")][-1:]
    if words := [*filter(None, program), *app.args]:
        key = "Exec" if any(program) else "Args"
        lines.append((key, literal(" ".join(map(word_text, words)))))
    return f"App {app.name}".rstrip(), [("Image", literal(app.image)), *lines]


def _lines(
    words: Iterable[str], keys: Mapping[str, Key]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the lines for ``words``, and those words for which there is no line."""
    names = {key.option: name for name, key in keys.items()}
    found: list[tuple[str, str]] = []
    rest: list[str] = []
    single: dict[str, tuple[str, str]] = {}  # of these the last counts
    for word in words:
        option, _, value = word[2:].partition("=")
        name = names.get(_OLD.get(option, option), "")
        key = keys.get(name)
        if key is None or not _fits(key, value):
            rest.append(word)
        elif key.kind in (ONE, YES):
            single[name] = (name, _spelled(key, value))
        else:
            found.append((name, _spelled(key, value)))
    kept = [line for line in single.values() if line[1]]
    return [*kept, *found], rest


def _fits(key: Key, value: str) -> bool:
    if key.kind == WORDS:
        return True
    if key.kind == YES:
        return value.lower() in TRUE | FALSE
    if key.words and value:
        return value in key.words
    plain = value == value.strip(" \t") and not any(char in value for char in "\n\r\0")
    return plain and not continues(value) and (bool(value) or key.kind == ONE)


def _spelled(key: Key, value: str) -> str:
    if key.kind == YES:
        return "yes" if value.lower() in TRUE else "no"
    return literal(word_text(value) if key.kind == WORDS else value)


def _check(text: str, stem: str) -> None:
    """Let the generator check ``text``, which does not depend on other files."""
    path = f"{stem}{SUFFIX}"
    for problem in generate([PodFile(path, ((path, text),))], program="/bin/true").problems:
        raise NoPodFileTextError(
            f"a {SUFFIX} file cannot express this: {problem.text}",
            hint="leave out --format=pod to get a unit",
        )


def _text(sections: Iterable[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines)
        for name, lines in sections
        if lines
    )
