"""Documents whose commands are run as they stand, so that they cannot rot.

The ``sh`` blocks of a Markdown file are the steps, in one shell. A block without a language right
behind a step is what it prints: each of its lines must be found, in this order. ``…`` in it stands
for anything, and one blank is as good as several. An ``ini`` block behind a line that ends with the
name of a file, as in "`/etc/systemd/system/web.service`:", is a step that writes this file.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.remote import RemoteHost

_BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`(?P<path>/[^`]+)`:\s*\Z")
_MARK = "@@ step done @@"
_SECONDS = 120
_WRITE = "install -D -m 644 /dev/stdin '{path}' <<'END OF FILE'\n{text}END OF FILE\n"
# Aliases as in a shell somebody types into; commands that fail are named.
_HEAD = """shopt -s expand_aliases
trap 'printf "failed: %s\\n" "$BASH_COMMAND"' ERR
"""


@dataclass(frozen=True)
class Step:
    """A block of commands and the lines of output that the document promises."""

    script: str
    promised: tuple[str, ...] = ()


@dataclass(frozen=True)
class Said:
    """A step and what it printed."""

    step: Step
    output: str

    def missing(self) -> list[str]:
        """Return the promised lines that are not in the output, or not in their place."""
        lines = iter(self.output.splitlines())
        return [
            promise
            for promise in self.step.promised
            if not any(_pattern(promise).fullmatch(_single(line)) for line in lines)
        ]

    def failed(self) -> list[str]:
        """Return the commands that failed, but not those whose status is printed after them."""
        return [
            line.removeprefix("failed: ")
            for line in self.output.splitlines()
            if line.startswith("failed: ") and "echo $?" not in self.step.script
        ]


def steps(document: Path) -> list[Step]:
    """Return the steps of ``document``, in order."""
    found: list[Step] = []
    end = -1
    text = document.read_text()
    for block in _BLOCK.finditer(text):
        if block["kind"] == "sh":
            found.append(Step(block["text"]))
            end = block.end()
        elif block["kind"] == "ini" and (file := _FILE.search(text[: block.start()])):
            found.append(Step(_WRITE.format(path=file["path"], text=block["text"])))
        elif not block["kind"] and not text[end : block.start()].strip():
            promised = (line for line in block["text"].splitlines() if line.strip())
            found[-1] = Step(found[-1].script, tuple(promised))
    return found


def walk(todo: Sequence[Step], where: Path, commands: str) -> list[Said]:
    """Do the steps in a new shell in the directory ``where``; return those that were done.

    ``commands`` is a directory of programs that comes first on ``PATH``.
    """
    script = where / "walkthrough"
    script.write_text(_script(todo))
    done = subprocess.run(
        ["/bin/bash", str(script)],
        cwd=where,
        env={"PATH": f"{commands}:{os.environ['PATH']}", "HOME": str(where)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_SECONDS,
        check=False,
    )
    return _said(todo, done.stdout.decode(errors="replace"))


def walk_on(host: RemoteHost, todo: Sequence[Step]) -> list[Said]:
    """Do the steps in a login session of a booted host; return those that were done."""
    script = 'exec bash -c "$1" walkthrough < /dev/null 2>&1'
    done = host.run(["sh", "-c", script, "sh", _script(todo)], status=None, timeout=_SECONDS)
    return _said(todo, done.stdout)


def check(said: Sequence[Said], todo: Sequence[Step]) -> None:
    """Fail if a step of ``todo`` was not done, had a command that failed, or broke a promise."""
    for step in said:
        for what, lines in (("failed", step.failed()), ("never said", step.missing())):
            told = "\n".join(lines)
            assert not lines, f"{what}:\n{told}\n\n{step.step.script}\nsaid:\n{step.output}"
    assert len(said) == len(todo)


def _script(todo: Sequence[Step]) -> str:
    marked = (f'{step.script}\nprintf "\\n%s\\n" "{_MARK}"\n' for step in todo)
    return _HEAD + "".join(marked)


def _said(todo: Sequence[Step], output: str) -> list[Said]:
    outputs = output.split(f"\n{_MARK}\n")
    return [Said(step, output) for step, output in zip(todo, outputs, strict=False)]


def _pattern(promise: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in _single(promise).split("…")))


def _single(line: str) -> str:
    return " ".join(line.split())
