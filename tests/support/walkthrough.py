"""Documents whose commands are run as they stand, so that they cannot rot.

The ``sh`` blocks of a Markdown file are the steps, in one shell. A block without a language right
behind a step is what it prints: each of its lines must be found, in this order. ``…`` in it stands
for anything, and one blank is as good as several.
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

_BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@ step done @@"
_SECONDS = 120
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
        elif not block["kind"] and not text[end : block.start()].strip():
            promised = (line for line in block["text"].splitlines() if line.strip())
            found[-1] = Step(found[-1].script, tuple(promised))
    return found


def walk(todo: Sequence[Step], where: Path, commands: str) -> list[Said]:
    """Do the steps in a new shell in the directory ``where``; return those that were done.

    ``commands`` is a directory of programs that comes first on ``PATH``.
    """
    script = where / "walkthrough"
    marked = (f'{step.script}\nprintf "\\n%s\\n" "{_MARK}"\n' for step in todo)
    script.write_text(_HEAD + "".join(marked))
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
    outputs = done.stdout.decode(errors="replace").split(f"\n{_MARK}\n")
    return [Said(step, output) for step, output in zip(todo, outputs, strict=False)]


def _pattern(promise: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in _single(promise).split("…")))


def _single(line: str) -> str:
    return " ".join(line.split())
