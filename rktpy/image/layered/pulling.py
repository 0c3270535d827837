"""The layers of an image that are not there yet, several at once, each in a process of its own.

A process and not a thread, because reading HTTP and tar is Python's own work, and because each
forks a worker itself, which must be done before there are threads. They die with us; what they had
in ``cas/tmp`` is swept by whoever comes next. Layers that were complete stay: a pull that was
killed goes on with the others, and after what had arrived of them (``keeping``).
"""

from __future__ import annotations

import os
import select
import struct
from functools import partial

from rktpy.host.helper import Answer, Helper, heed_signals
from rktpy.image.layered.documents import LayeredImageError
from rktpy.image.layered.unpacking import Wanted, unpack_layer
from rktpy.image.means import DOWNLOADING, EXTRACTING, PRESENT, VERIFIED
from rktpy.log import Logger
from rktpy.store import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from rktpy.host.archive.ends import LayerOutcome
    from rktpy.image.layered.blobs import Blobs
    from rktpy.image.means import Board, Gauge
    from rktpy.layout import Layout
    from rktpy.store.layers import HeldLayer, Layers

_AT_ONCE = 3  # layers; two cores are busy with one
_ROUNDS = 5  # a collector that is quicker than us so often is no collector
_NEWS = struct.Struct("=IIq")  # number of the layer, what, how much
_ARRIVED, _STATE = 0, 1
_STATES = (DOWNLOADING, EXTRACTING)
_logger = Logger("image")


class Pull:
    """Brings layers of one image into the store."""

    def __init__(self, layout: Layout, layers: Layers, blobs: Blobs, board: Board) -> None:
        self._layout = layout
        self._layers = layers
        self._blobs = blobs
        self._board = board
        self._gauges: dict[str, Gauge] = {}

    def bring(self, wanted: Iterable[Wanted], held: ExitStack) -> None:
        """Make all layers be there, and stay there until ``held`` is closed.

        Raises:
            LayeredImageError: the first thing that went wrong with any of them.
            OSError: the disk is full.
        """
        missing = list({one.diff_id: one for one in wanted}.values())
        for one in missing:
            self._gauges[one.diff_id] = self._board.gauge(one.blob.digest, one.blob.size or None)
        missing = [one for one in missing if not self._hold(one, held, PRESENT)]
        for _round in range(_ROUNDS):
            if not missing:
                return
            self._blobs.rest()
            with _Crew(self._layers, self._blobs, missing) as crew:
                self._oversee(crew, held)
            missing = [one for one in missing if one not in crew.held]
        raise LayeredImageError("layers vanish as soon as they are stored", hint="try again")

    def _oversee(self, crew: _Crew, held: ExitStack) -> None:
        try:
            while crew.start():
                for number, what, count in crew.news():
                    gauge = self._gauges[crew.wanted[number].diff_id]
                    if what == _ARRIVED:
                        gauge.advance(count)
                    else:
                        gauge.state(_STATES[count])
                for one, made in crew.ended():
                    if self._hold(one, held, VERIFIED if made else PRESENT):
                        crew.held.append(one)
        except BaseException:
            crew.close()
            places.sweep(self._layout)  # of one that was killed, or told to stop while it ended
            raise

    def _hold(self, one: Wanted, held: ExitStack, word: str) -> bool:
        layer: HeldLayer | None = self._layers.hold(one.diff_id)
        if layer is None:
            return False
        held.enter_context(layer)
        self._gauges[one.diff_id].state(word)
        return True


class _Crew:
    """The processes at work; leaving the ``with`` block ends those that still are."""

    def __init__(self, layers: Layers, blobs: Blobs, wanted: list[Wanted]) -> None:
        self.wanted = tuple(wanted)
        self.held: list[Wanted] = []
        self._layers = layers
        self._blobs = blobs
        self._waiting = list(range(len(wanted)))
        self._running: dict[int, tuple[int, Helper]] = {}  # by the descriptor of its answer
        self._done: list[int] = []  # descriptors with an answer
        self._poll = select.poll()
        self._reading, self._writing = os.pipe2(os.O_CLOEXEC)
        self._poll.register(self._reading, select.POLLIN)

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def start(self) -> bool:
        """Start what can be started; return whether anything is still under way."""
        while self._waiting and len(self._running) < _AT_ONCE:
            number = self._waiting.pop(0)
            helper = Helper(partial(self._work, number), failure=LayeredImageError)
            self._running[helper.fileno()] = (number, helper)
            self._poll.register(helper.fileno(), select.POLLIN)
        return bool(self._running)

    def news(self) -> Iterable[tuple[int, int, int]]:
        """Wait for what the processes tell and yield it: layer, kind, number."""
        ready = [fd for fd, _events in self._poll.poll()]
        self._done = [fd for fd in ready if fd != self._reading]
        if self._reading in ready:
            # Every message is written at once, so none is cut.
            yield from _NEWS.iter_unpack(os.read(self._reading, _NEWS.size * 4096))

    def ended(self) -> Iterable[tuple[Wanted, bool]]:
        """Yield the layers that are done, and whether it was we who made them.

        Raises:
            LayeredImageError, OSError: why one of them is not.
        """
        for fd in self._done:
            number, helper = self._running.pop(fd)
            self._poll.unregister(fd)
            answer = helper.wait()
            for warning in answer.warnings:
                _logger.warning("%s", warning)
            yield self.wanted[number], "made" in answer.facts

    def close(self) -> None:
        """End what still runs, all at once, and let it clean up; twice is fine."""
        running, self._running = [helper for _number, helper in self._running.values()], {}
        self._waiting = []
        for helper in running:
            helper.ask_to_stop()
        for helper in running:
            helper.drop()
        if self._reading >= 0:
            os.close(self._reading)
            os.close(self._writing)
            self._reading = self._writing = -1

    def _work(self, number: int) -> Answer:
        """In the new process: make the layer, unless another process does so just now."""
        heed_signals()
        os.close(self._reading)
        one = self.wanted[number]
        outcomes: list[LayerOutcome] = []
        teller = _Teller(number, self._writing, one.blob.size)

        def fill(rootfs: str) -> LayerOutcome:
            teller.state(DOWNLOADING)
            source = self._blobs.stream(one.blob)
            outcomes.append(unpack_layer(rootfs, source, one.diff_id, teller.arrived))
            return outcomes[0]

        self._layers.build(one.diff_id, fill)
        if not outcomes:
            return Answer()
        return Answer(outcomes[0].warnings, {"made": ""})


class _Teller:
    """Tells the parent how far one layer is."""

    __slots__ = ("_left", "_number", "_pipe")

    def __init__(self, number: int, pipe: int, size: int) -> None:
        self._number = number
        self._pipe = pipe
        self._left = size

    def arrived(self, count: int) -> None:
        os.write(self._pipe, _NEWS.pack(self._number, _ARRIVED, count))
        self._left -= count
        if not self._left:
            self.state(EXTRACTING)

    def state(self, word: str) -> None:
        os.write(self._pipe, _NEWS.pack(self._number, _STATE, _STATES.index(word)))
