"""The door to pods: making, finding and moving them.

<data dir>/pods/<phase>/<uuid>/    a pod; locked (flock on the directory itself) while somebody
                                   prepares, runs or deletes it

What a power cut leaves: a pod in ``prepared`` is whole, because ``move`` makes its content
durable before the rename and the rename after it. Every other move is a plain rename: a lost
one puts the pod back where it counts as aborted or exited, and ``gc`` takes it from there, so
``run`` pays for no fsync at all.
"""

from __future__ import annotations

import os
import time

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.lock import Lock, LockBusyError, is_locked, lock_dir
from rktpy.pod.names import is_uuid, new_uuid
from rktpy.pod.naming import holder
from rktpy.pod.phase import ALL_PHASES, MOVES, VISIBLE_PHASES, Phase, asks_lock, state_of
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rktpy.appc.pod import PodManifest
    from rktpy.layout import Layout, PodTree

_CREATE_ATTEMPTS = 64
_PROBE_PATIENCE = 0.5  # seconds that a reader's passing shared lock may make ``acquire`` wait
_PROBE_PAUSE = 0.002
_MANIFEST_LIMIT = 1 << 24


class EmptyUuidError(RktError):
    """No UUID was given where one is needed."""

    def __init__(self) -> None:
        super().__init__("UUID cannot be empty")


class PodNotFoundError(RktError):
    """No pod has a UUID that begins so."""

    def __init__(self, text: str) -> None:
        super().__init__(f"no matches found for {quote(text)}", hint="see them with: rktpy list")


class AmbiguousUuidError(RktError):
    """Several pods have a UUID that begins so."""

    def __init__(self, count: int) -> None:
        super().__init__(f"ambiguous uuid, {count} matches", hint="give more digits")


class PodGoneError(RktError):
    """The pod was there and has vanished meanwhile."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"pod {quote(uuid)} was not present")


class PodBusyError(RktError):
    """Another process prepares, runs or deletes the pod."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"pod {quote(uuid)} is in use by another process", hint=f"see: rktpy status {uuid}"
        )


class PodCreateError(RktError):
    """No pod directory could be made."""

    def __init__(self) -> None:
        super().__init__("error creating new pod")


class PodMoveError(RktError):
    """A rename between phases failed; most often somebody else moved the pod first."""

    def __init__(self, uuid: str, phase: str) -> None:
        super().__init__(f"cannot move pod {quote(uuid)} to {phase}")


class Pod(Resource):
    """One pod on disk: where it was last seen, and its lock if we hold it.

    Closing it, or leaving its ``with`` block, gives the lock up; nothing else changes. A pod
    of ``create`` that is closed in ``prepare`` counts as aborted and is collected by ``gc``.
    """

    __slots__ = ("layout", "lock", "phase", "uuid")

    def __init__(self, layout: Layout, phase: str, uuid: str, lock: Lock | None = None) -> None:
        self.layout = layout
        self.phase = phase
        self.uuid = uuid
        self.lock = lock

    @property
    def path(self) -> str:
        """The pod's directory where it was last seen."""
        return f"{self.layout.data}/pods/{self.phase}/{self.uuid}"

    @property
    def tree(self) -> PodTree:
        """Paths inside the pod; ask again after ``move`` or ``refresh``."""
        return self.layout.pod(self.phase, self.uuid)

    @property
    def locked(self) -> bool:
        """Whether somebody, perhaps we, holds the pod exclusively.

        Raises:
            OSError: the directory is not where it was last seen.
        """
        return self.lock is not None or is_locked(self.path)

    def state(self) -> str:
        """Return the state now, following the pod if it was moved meanwhile.

        Raises:
            PodGoneError: it is in no phase any more.
        """
        while True:
            try:
                return state_of(self.phase, locked=asks_lock(self.phase) and self.locked)
            except FileNotFoundError:
                self.refresh()

    def refresh(self) -> None:
        """Find the phase the pod is in now.

        Raises:
            PodGoneError: it is in no phase any more.
        """
        phase = _phase_of(self.layout, self.uuid, ALL_PHASES)
        if phase is None:
            raise PodGoneError(self.uuid)
        self.phase = phase

    def acquire(self, *, wait: bool) -> None:
        """Take the exclusive lock on the pod where it was last seen.

        Without ``wait``, passing shared locks of readers are waited out (half a second at
        most), an exclusive holder is not.

        Raises:
            PodBusyError: another process holds it.
            PodGoneError: the pod was moved or deleted, perhaps while we waited.
        """
        if self.lock is not None:
            return
        try:
            lock = lock_dir(self.path) if wait else self._lock_soon()
        except FileNotFoundError as error:
            raise PodGoneError(self.uuid) from error
        try:
            here = os.path.samestat(os.fstat(lock.fd), os.lstat(self.path))
        except FileNotFoundError:
            here = False
        if not here:
            lock.close()
            raise PodGoneError(self.uuid)
        self.lock = lock

    def move(self, phase: str) -> None:
        """Rename the pod into ``phase``; the lock, if held, stays held.

        Raises:
            PodGoneError: it is not where it was last seen: somebody else moved it.
            PodMoveError: the rename failed otherwise.
        """
        if phase not in MOVES[self.phase]:
            raise ValueError(f"a pod does not go from {self.phase} to {phase}")
        if phase == Phase.PREPARED:
            _sync_content(self.path)
        try:
            os.rename(self.path, f"{self.layout.data}/pods/{phase}/{self.uuid}")
        except FileNotFoundError as error:
            if not os.path.isdir(self.layout.phase_dir(phase)):
                make_phase_dirs(self.layout)
                return self.move(phase)
            raise PodGoneError(self.uuid) from error
        except OSError as error:
            raise PodMoveError(self.uuid, phase) from error
        self.phase = phase
        if phase == Phase.PREPARED:
            from rktpy.host.files import sync_dir

            sync_dir(self.layout.phase_dir(phase))
        return None

    def manifest(self) -> PodManifest:
        """Read and check the pod manifest, following the pod if it was moved meanwhile.

        Raises:
            RktError: it breaks the appc rules.
            PodGoneError: the pod is in no phase any more.
            OSError: there is none (yet).
        """
        from rktpy.appc.pod import PodManifest
        from rktpy.host.files import read_bytes

        while True:
            phase = self.phase
            try:
                return PodManifest.from_json(read_bytes(self.tree.manifest, limit=_MANIFEST_LIMIT))
            except FileNotFoundError:
                self.refresh()
                if self.phase == phase:
                    raise

    def close(self) -> None:
        """Give the lock up if we hold it; twice is fine."""
        if self.lock is not None:
            lock, self.lock = self.lock, None
            lock.close()

    def _lock_soon(self) -> Lock:
        deadline = time.monotonic() + _PROBE_PATIENCE
        while True:
            try:
                return lock_dir(self.path, wait=False)
            except LockBusyError as error:
                # Readers hold it for microseconds; an exclusive holder is seen as such.
                if is_locked(self.path) or time.monotonic() > deadline:
                    raise PodBusyError(self.uuid) from error
                time.sleep(_PROBE_PAUSE)


def create(layout: Layout) -> Pod:
    """Make an empty pod in ``prepare`` and hold its lock; the caller owns the result.

    The directory is made in ``embryo``, where nothing looks at locks, so that nobody ever sees
    it unlocked in ``prepare`` and takes it for aborted. ``gc`` may remove an embryo between
    mkdir and lock: then another one is made.

    Raises:
        PodCreateError: from the ``OSError`` that says why.
    """
    try:
        for _ in range(_CREATE_ATTEMPTS):
            pod = _try_create(layout)
            if pod is not None:
                return pod
            make_phase_dirs(layout)
        raise FileNotFoundError(f"{layout.pods} is being removed all the time")
    except OSError as error:
        raise PodCreateError from error


def open_pod(layout: Layout, text: str, *, phases: Sequence[str] = VISIBLE_PHASES) -> Pod:
    """Return the one pod that ``text`` means. It is not locked.

    A whole UUID means just that pod. Anything else is a name if a pod has it, and otherwise the
    beginning of a UUID, in any case. A UUID or name costs a few stat calls, a beginning one
    directory listing per phase.

    Raises:
        EmptyUuidError, PodNotFoundError, AmbiguousUuidError: as rkt says them.
    """
    prefix = text.lower()
    if not prefix:
        raise EmptyUuidError
    uuid = prefix if is_uuid(prefix) else holder(layout, text)
    phase = _phase_of(layout, uuid, phases) if uuid else None
    if phase is not None:
        return Pod(layout, phase, uuid)
    if uuid == prefix:
        raise PodNotFoundError(prefix)
    found = {
        name: phase
        for phase in phases
        for name in _names(layout, phase)
        if name.startswith(prefix) and is_uuid(name)
    }
    if not found:
        raise PodNotFoundError(prefix)
    if len(found) > 1:
        raise AmbiguousUuidError(len(found))
    ((uuid, phase),) = found.items()
    return Pod(layout, phase, uuid)


def pods(
    layout: Layout,
    phases: Sequence[str] = VISIBLE_PHASES,
    *,
    odd: Callable[[str], None] | None = None,
) -> Iterator[Pod]:
    """Yield the pods in ``phases`` ordered by UUID, none locked, each once.

    A pod may move or vanish after it was seen: ``FileNotFoundError`` on its files is an answer.
    ``odd`` hears the names of entries that cannot be pods.

    Raises:
        OSError: a phase directory exists and cannot be listed.
    """
    found: dict[str, str] = {}
    for phase in phases:  # a pod seen twice was moved: the later phase is the newer one
        for name in _names(layout, phase):
            if is_uuid(name):
                found[name] = phase
            elif odd is not None:
                odd(name)
    for uuid in sorted(found):
        yield Pod(layout, found[uuid], uuid)


def make_phase_dirs(layout: Layout) -> None:
    """Make the directories pods move through; a setgid bit above is passed on by the kernel."""
    from rktpy.host.tree.inode_flags import spread_children

    for phase in ALL_PHASES:
        os.makedirs(layout.phase_dir(phase), mode=0o750, exist_ok=True)
    spread_children(layout.phase_dir(Phase.EMBRYO))


def _try_create(layout: Layout) -> Pod | None:
    pod = Pod(layout, Phase.EMBRYO, new_uuid())
    try:
        os.mkdir(pod.path, 0o750)
    except FileNotFoundError:
        return None
    try:
        pod.lock = lock_dir(pod.path)
        pod.move(Phase.PREPARE)
    except (FileNotFoundError, PodGoneError):
        pod.close()
        return None
    except BaseException:
        pod.close()
        raise
    return pod


def _phase_of(layout: Layout, uuid: str, phases: Sequence[str]) -> str | None:
    for phase in phases:
        try:
            os.lstat(f"{layout.data}/pods/{phase}/{uuid}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        return phase
    return None


def _names(layout: Layout, phase: str) -> list[str]:
    try:
        return os.listdir(layout.phase_dir(phase))
    except FileNotFoundError:
        return []


def _sync_content(path: str) -> None:
    from rktpy.host.syscalls import syncfs

    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syncfs(fd)
    finally:
        os.close(fd)
