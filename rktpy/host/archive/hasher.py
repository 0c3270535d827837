"""A hash computed beside what else is done: hashlib lets go of the interpreter meanwhile."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

_AHEAD = 32  # pieces the hash may lag behind


class Hasher:
    """Updates a hash of ``hashlib`` in a thread of its own, while its ``with`` block lasts."""

    __slots__ = ("_digest", "_pieces", "_ready", "_room", "_thread")

    def __init__(self, digest: Any) -> None:  # noqa: ANN401 - hashlib's types have no name
        self._digest = digest
        self._pieces: list[bytes | None] = []
        self._ready = threading.Semaphore(0)
        self._room = threading.Semaphore(_AHEAD)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.finish()

    def update(self, piece: bytes) -> None:
        """Take ``piece``; waits if the hash is far behind."""
        self._room.acquire()
        self._pieces.append(piece)
        self._ready.release()

    def finish(self) -> Any:  # noqa: ANN401 - as above
        """Return the hash of all pieces."""
        if self._thread.is_alive():
            self._pieces.append(None)
            self._ready.release()
            self._thread.join()
        return self._digest

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            piece = self._pieces.pop(0)
            if piece is None:
                return
            self._digest.update(piece)
            self._room.release()
