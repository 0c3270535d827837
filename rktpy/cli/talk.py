"""Talking while images are fetched: how far a download is, and whether a key is to be trusted.

On a terminal progress is a picture that moves (with rich, imported only then), elsewhere lines.
"""

from __future__ import annotations

import os
import sys

from rktpy import log
from rktpy.cli.call import say
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.means import Unseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.image.means import Board
    from rktpy.image.trust.openpgp import PublicKey

_STDIN, _STDERR = 0, 2


class ReviewError(RktError):
    """A key is to be reviewed and nobody is there."""


class Terminal:
    """What the user sees and answers. ``results``: keys are what the command is about, so what is
    said of them goes to stdout. ``quiet`` shows no progress; without ``keep`` nothing of it stays
    on a terminal, which then is the pod's.
    """

    def __init__(self, *, results: bool = False, quiet: bool = False, keep: bool = True) -> None:
        self._keep = keep
        self._results = results
        self._quiet = quiet

    def board(self, what: str) -> Board:
        """Show transfers, see ``image.means.Talk``."""
        if self._quiet:
            return Unseen()
        # Every fetch has a terminal to talk to, few have something to show.
        from rktpy.cli.progress.board import Progress
        from rktpy.cli.progress.screen import Screen, can_draw, speaks_utf8

        if can_draw(os.environ):
            plain = not speaks_utf8(os.environ)
            return Progress(Screen(what, keep=self._keep, plain=plain))
        from rktpy.cli.progress.lines import Lines

        return Progress(Lines())

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
