"""``rktpy events`` in the background, and what it has said."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = 120.0  # seconds; only a hang takes so long
PHASES = 5


class Listener:
    """Runs ``argv``, an ``events --format=json``; from construction on nothing escapes it."""

    def __init__(self, argv: Sequence[str], *, watches: int = PHASES) -> None:
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.found: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        end = time.monotonic() + PATIENCE
        while watches and self.watches() < watches:
            assert self.process.poll() is None, self.err()
            assert time.monotonic() < end, "it does not watch"
            time.sleep(0.005)

    def watches(self) -> int:
        """Return how many watches it has in the kernel."""
        count = 0
        for info in Path(f"/proc/{self.process.pid}/fdinfo").iterdir():
            try:
                count += info.read_text().count("inotify wd:")
            except FileNotFoundError:
                continue
        return count

    def until(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until what was said is enough, and return it."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self.found), PATIENCE), self.found
            return list(self.found)

    def of(self, uuid: str, last: str = "exited") -> list[str]:
        """Return the steps of one pod in short, once the pod step ``last`` was told."""
        found = self.until(
            lambda all_: any(
                (e["type"], e["event"], e.get("name")) == ("pod", last, uuid) for e in all_
            )
        )
        return [short(event) for event in found if event.get("name") == uuid]

    def end(self) -> int:
        """Send SIGTERM and return the status."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(PATIENCE)
        self._reader.join()
        return status

    def err(self) -> str:
        """Return what it complained of; it must have ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.found.append(json.loads(line))
                self._changed.notify_all()


def short(event: dict[str, Any]) -> str:
    """Return an event as ``started`` or ``shell:exited=7``."""
    app = f"{event['app']}:" if "app" in event else ""
    status = f"={event['exit_code']}" if "exit_code" in event else ""
    return f"{app}{event['event']}{status}"
