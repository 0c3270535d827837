"""Talking while images are fetched: how far a download is, and whether a key is to be trusted.

On a terminal progress is a moving bar (rich, imported only then), elsewhere a line now and then.
"""

from __future__ import annotations

import os
import sys
import time

from rktpy import log
from rktpy.cli.call import say
from rktpy.cli.output import binary_size
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.means import Nobody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rktpy.image.means import Gauge
    from rktpy.image.trust.openpgp import PublicKey

_EVERY = 5.0  # seconds between two lines
_STDIN, _STDERR = 0, 2


class ReviewError(RktError):
    """A key is to be reviewed and nobody is there."""


class Terminal:
    """What the user sees and answers. ``results``: keys are what the command is about, so what is
    said of them goes to stdout. ``quiet`` shows no progress.
    """

    def __init__(self, *, results: bool = False, quiet: bool = False) -> None:
        self._results = results
        self._quiet = quiet

    def gauge(self, what: str, done: int, total: int | None) -> Gauge:
        """Show a transfer, see ``image.means.Talk``."""
        if self._quiet:
            return Nobody().gauge(what, done, total)
        if os.isatty(_STDERR):
            return _Bar(what, done, total)
        return _Lines(what, done, total)

    def tell(self, text: str) -> None:
        """Say that something was done."""
        if self._results:
            say(text)
        else:
            log.write_line(text)

    def review(self, key: PublicKey, prefix: str, location: str, *, unseen: bool) -> bool:
        """Show the key and return the answer, see ``image.means.Talk`` (rkt: pkg/pubkey)."""
        log.Logger("pubkey").warning("prefix: %s\nkey: %s", quote(prefix), quote(location))
        self.tell(_described(key))
        if unseen:
            return True
        if not (os.isatty(_STDIN) and os.isatty(_STDERR)):
            log.write_line(
                f"To trust the key for {quote(prefix)}, do one of the following:\n"
                " - call rkt with --trust-keys-from-https\n"
                f" - run: rkt trust --prefix {quote(prefix)}"
            )
            raise ReviewError(
                "error reviewing key: unable to ask user to review fingerprint due to lack of tty",
                hint="compare the fingerprint, then: rktpy trust --skip-fingerprint-review",
            )
        return self._ask()

    def _ask(self) -> bool:
        while True:
            self.tell("Are you sure you want to trust this key (yes/no)?")
            answer = sys.stdin.readline()
            if answer in ("yes\n", "no\n"):
                return answer == "yes\n"
            if not answer:
                raise ReviewError("error reviewing key: no answer")
            self.tell("Please enter 'yes' or 'no'")


def _described(key: PublicKey) -> str:
    lines = [f"gpg key fingerprint is: {_spelled(key.fingerprint)}"]
    lines += [f"    Subkey fingerprint: {_spelled(subkey)}" for subkey in key.subkeys]
    lines += [f"\t{identity}" for identity in key.identities]
    return "\n".join(lines)


def _spelled(fingerprint: str) -> str:
    """Return a fingerprint as people compare it: groups of four, a gap in the middle."""
    text = fingerprint.upper()
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    middle = len(groups) // 2
    return f"{' '.join(groups[:middle])}  {' '.join(groups[middle:])}"


class _Lines:
    """A line at the beginning, one now and then, one at the end."""

    def __init__(self, what: str, done: int, total: int | None) -> None:
        self._what = what
        self._done = done
        self._total = binary_size(total) if total is not None else "?"
        self._last = time.monotonic()
        self._show()

    def advance(self, count: int) -> None:
        self._done += count
        if time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            self._show()

    def close(self) -> None:
        self._show()

    def _show(self) -> None:
        log.write_line(f"Downloading {self._what}: {binary_size(self._done)} / {self._total}")


class _Bar:
    """A bar that moves, with bytes, rate and time left."""

    def __init__(self, what: str, done: int, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: Any = self._progress.add_task(
            f"Downloading {what}", completed=done, total=total
        )
        self._progress.start()

    def advance(self, count: int) -> None:
        self._progress.update(self._task, advance=count)

    def close(self) -> None:
        self._progress.stop()
