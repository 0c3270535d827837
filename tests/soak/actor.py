"""One actor: does a thing, now and then kills some process of it, and judges what it answered."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from tests.soak.acts import OWN_FAILURE, draw
from tests.support import leaks

if TYPE_CHECKING:
    import random

    from tests.soak.acts import Act
    from tests.soak.world import World

PATIENCE = 150.0  # seconds; only a hang takes so long
# Nothing of this is ever shown to a user.
NEVER = re.compile(r"Traceback \(most|this is a bug in rktpy|Exception ignored|Fatal Python error")
_KILLED_OFTEN = 0.25
_HUNGRY = 0.04  # how many have to do with few descriptors


class Started:
    """A command that runs, and what of it was harmed by us."""

    def __init__(self, world: World, act: Act, number: str, *, descriptors: int = 0) -> None:
        self.world, self.act, self.number = world, act, number
        self.harmed, self.trouble, self.hungry = "", world.trouble, bool(descriptors)
        self.troubled = world.troubled
        self._out = world.home / f"said-{number}.out"
        self._err = world.home / f"said-{number}.err"
        argv = world.argv(*act.args)
        if descriptors:
            argv = ["prlimit", f"--nofile={descriptors}", *argv]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=world.home
            )
        if act.args[0] == "stop":
            world.told_to_end.add(act.args[-1])
        world.count("operations")
        world.note(number=number, pid=self.process.pid, begins=act.args, descriptors=descriptors)

    def harm(self, rng: random.Random) -> None:
        """Kill the command, or a process that it started."""
        pid = self.process.pid
        if rng.random() < 0.4 and (found := sorted(leaks.descendants(pid))):
            pid = rng.choice(found)
        if self.process.poll() is None:
            self.harmed = _name(pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.world.count("kills")
            self.world.note(number=self.number, kills=self.harmed, pid=pid)

    def ended(self, patience: float = PATIENCE) -> bool:
        """Wait for the end, and judge it; return whether there was one in time."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return False
        out = self._out.read_text("utf-8", "replace")
        err = self._err.read_text("utf-8", "replace")
        self._out.unlink()
        self._err.unlink()
        self.world.note(number=self.number, status=status, err=err[-1500:])
        problem = self._problem(status, out, err)
        if problem:
            words = " ".join(self.act.args)
            self.world.find(f"{problem} of #{self.number} `{words}`: {err[-1500:].strip()}")
        return True

    def starts(self) -> bool:
        """Return whether the pod that it is to become does not run yet."""
        return self.process.poll() is None and "systemd-nspawn" not in _name(self.process.pid)

    def hangs(self) -> None:
        """End what does not end by itself, and say where it stood."""
        stood = [f"{pid} {_name(pid)} in {_wait_channel(pid)}" for pid in self._family()]
        self.world.find(f"#{self.number} `{' '.join(self.act.args)}` hangs: {'; '.join(stood)}")
        self.harmed = "hangs"
        self.process.kill()
        self.ended()

    def _family(self) -> list[int]:
        return [self.process.pid, *sorted(leaks.descendants(self.process.pid))]

    def _problem(self, status: int, out: str, err: str) -> str:
        """Return in a few words what is wrong with this end, if anything is."""
        if NEVER.search(out) or NEVER.search(err):
            return "a traceback"
        act, disturbed = self.act, self._disturbed()
        if status == OWN_FAILURE:
            self.world.count("refusals")
            full = self.world.tight and "no space left on device" in err
            fine = disturbed or full or act.refuses(err)
            return "" if fine else "a refusal without reason"
        pod = act.pod() if act.stays or act.lasting else ""
        ended = disturbed if not pod else disturbed or pod in self.world.told_to_end
        if status in act.statuses or ended or act.args[0] == "enter":
            return ""
        return f"status {status}"

    def _disturbed(self) -> bool:
        world = self.world
        short = self.troubled or world.troubled or world.trouble != self.trouble
        return bool(self.harmed) or short or self.hungry


class Actor:
    """Does one thing after another until the world stops; ``left`` are its pods that run on."""

    def __init__(self, world: World, rng: random.Random, name: str) -> None:
        self._world, self._rng, self._name = world, rng, name
        self.left: list[Started] = []

    def act(self) -> None:
        """Do things. What the soak itself does wrong is a finding, too."""
        try:
            number = 0
            while not self._world.stopping.is_set():
                number += 1
                self._one(f"{self._name}.{number}")
        except Exception as error:
            self._world.find(f"the soak: {error!r}")
            raise

    def _one(self, number: str) -> None:
        rng = self._rng
        act = draw(self._world, rng)
        few = rng.randrange(8, 40) if rng.random() < _HUNGRY else 0
        doomed = rng.random() < _KILLED_OFTEN
        delay = 10 ** rng.uniform(-1.5, 0.3)  # 30 ms to 2 s, as many short ones as long ones
        started = Started(self._world, act, number, descriptors=few)
        if doomed and not _ends(started, delay):
            started.harm(rng)
        if act.stays and not started.harmed and not _ends(started, rng.uniform(0, 1)):
            self.left.append(started)
            self._thin(rng)
            return
        if not started.ended(60.0 if act.stays else PATIENCE):
            started.hangs()

    def _thin(self, rng: random.Random) -> None:
        """Look after the pods in the background; let there not be too many."""
        for pod in list(self.left):
            if _ends(pod, 0) or (len(self.left) > 3 and self._kill(pod, rng)):
                self.left.remove(pod)
                if not pod.ended():
                    pod.hangs()

    def _kill(self, pod: Started, rng: random.Random) -> bool:
        pod.harm(rng)
        return pod.process.poll() is not None or _ends(pod, 5.0)


def _ends(started: Started, seconds: float) -> bool:
    """Whether it ends within that time; what ended is not judged yet."""
    try:
        started.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace")[:150].strip() or "?"
    except OSError:
        return "?"


def _wait_channel(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            channel = file.read()
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return f"{channel} {file.read().split()[0]}"
    except (OSError, IndexError):
        return "?"


def pause(rng: random.Random, low: float, high: float) -> None:
    time.sleep(rng.uniform(low, high))
