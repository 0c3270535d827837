"""What actors do: command lines drawn at random, and what each may answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rktpy.pod.phase import Phase
from tests.soak.world import NAMES, NO_POD, PORTS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tests.soak.world import World

OWN_FAILURE = 254
_SAVED = "--uuid-file-save="
_LIVE = (Phase.RUN,)
_ANY = (Phase.RUN, Phase.PREPARED, Phase.PREPARE, Phase.EXITED_GARBAGE)


class Act(NamedTuple):
    """One command. ``statuses`` it may end with, unharmed; with 254 only if its words are among
    ``refusals``: what others did at the same time is a good reason. ``stays``: a pod that runs
    until somebody ends it, in the background.
    """

    args: list[str]
    statuses: tuple[int, ...] = (0,)
    refusals: str = r"(?!)"
    stays: bool = False
    lasting: bool = False  # a pod that ends by itself, if nobody is faster

    def pod(self) -> str:
        """Return the UUID of the pod that it started, if it got that far."""
        if self.args[0] == "run-prepared":
            return self.args[-1]
        name = next((arg.partition("=")[2] for arg in self.args if arg.startswith(_SAVED)), "")
        return Path(name).read_text("ascii") if name and Path(name).exists() else ""

    def refuses(self, text: str) -> bool:
        return re.search(self.refusals, text) is not None


# The pod, or the image, was somebody else's prey.
_GONE = (
    r"no pod|not found|no such pod|was not present|does not exist|no matches|is gone"
    r"|removed meanwhile|no image IDs"
)
_STATE = (
    r"not running|(is|currently) running|is not prepared|not exited|in use|has no journal"
    r"|has not run yet|has no files any more|deadline exceeded|cannot join app"
    r"|is not up yet"
)
# Names and ports are few.
_STARTS = r"the name .* belongs to|port .*(in use|is published by)"


def _fetch(world: World, rng: random.Random) -> Act:
    return Act(["fetch", "--quiet", rng.choice(world.images)])


def _options(rng: random.Random) -> list[str]:
    options = []
    if rng.random() < 0.2:
        options.append(f"--pod-name={rng.choice(NAMES)}")
    if rng.random() < 0.2:
        options.append("--private-users")
    if rng.random() < 0.1:
        options.append("--no-overlay")
    return options


def _network(rng: random.Random) -> list[str]:
    chosen = rng.random()
    if chosen < 0.5:
        return ["--net=none"]
    if chosen < 0.6:
        return ["--net=host"]
    return ["--net=default"]


def _apps(world: World, rng: random.Random, script: str) -> list[str]:
    apps = [rng.choice(world.images), "--name=a", "--", script]
    if rng.random() < 0.2:
        apps += ["---", rng.choice(world.images), "--name=b", "--", script]
    return apps


def _run(world: World, rng: random.Random) -> Act:
    status = rng.choice((0, 3))
    script = rng.choice(
        (f"exit {status}", f"echo x >/tmp/x; sleep 0.{rng.randrange(9)}; exit {status}")
    )
    options = [*_options(rng), *_network(rng)]
    apps = _apps(world, rng, script)
    options.append(f"--uuid-file-save={world.home}/uuid-{rng.randrange(1 << 60)}")
    if "--net=default" in options and "---" not in apps and rng.random() < 0.5:
        options.append(f"--port=80-tcp:{rng.choice(PORTS)}")
    return Act(["run", *options, *apps], (status,), _STARTS, lasting=True)


def _serve(world: World, rng: random.Random) -> Act:
    act = _run(world, rng)
    args = [re.sub(r"exit \d$", "exec sleep 60", arg) for arg in act.args]
    return Act(args, (0,), _STARTS, stays=True)


def _prepare(world: World, rng: random.Random) -> Act:
    return Act(["prepare", *_options(rng), *_apps(world, rng, "exit 0")], (0,), _STARTS)


def _run_prepared(world: World, rng: random.Random) -> Act:
    uuid = world.some_pod(rng, Phase.PREPARED)
    return Act(["run-prepared", *_network(rng), uuid], (0,), f"{_GONE}|{_STATE}", lasting=True)


def _of_pod(args: list[str], *phases: str, statuses: tuple[int, ...] = (0,)) -> Maker:
    def make(world: World, rng: random.Random) -> Act:
        uuid = world.some_pod(rng, *phases)
        given = [arg.format(uuid=uuid, home=world.home, n=rng.randrange(1 << 30)) for arg in args]
        return Act(given, statuses, f"{_GONE}|{_STATE}")

    return make


def _plain(*args: str) -> Maker:
    return lambda _world, _rng: Act(list(args))


def _of_image(*args: str) -> Maker:
    def make(world: World, rng: random.Random) -> Act:
        key = world.some_image(rng)
        given = [arg.format(home=world.home, n=rng.randrange(1 << 30)) for arg in args]
        given.insert(2, key)
        return Act(given, (0,), _GONE)

    return make


if TYPE_CHECKING:
    Maker = Callable[[World, random.Random], Act]

TABLE: list[tuple[int, Maker]] = [
    (10, _fetch),
    (12, _run),
    (10, _serve),
    (6, _prepare),
    (6, _run_prepared),
    (4, _of_pod(["enter", "--app=a", "{uuid}", "/bin/true"], *_LIVE)),
    (5, _of_pod(["stop", "{uuid}"], *_LIVE)),
    (3, _of_pod(["stop", "--force", "{uuid}"], *_LIVE)),
    (6, _of_pod(["rm", "{uuid}"], *_ANY)),
    (2, _of_pod(["status", "{uuid}"], *_ANY)),
    (1, _of_pod(["status", "--wait=1s", "{uuid}"], *_ANY)),
    (1, _of_pod(["cat-manifest", "{uuid}"], *_ANY)),
    (1, _of_pod(["logs", "{uuid}"], *_ANY)),
    (2, _of_pod(["export", "--app=a", "{uuid}", "{home}/out-{n}.aci"], *_ANY)),
    (2, _of_pod(["cp", "{uuid}/a:/etc/passwd", "{home}/out-{n}"], *_ANY)),
    (2, _of_pod(["cp", "/etc/hostname", "{uuid}/a:/tmp/put"], *_ANY)),
    (2, _plain("gc", "--mark-only")),
    (4, _plain("gc", "--grace-period=0s")),
    (2, _plain("gc", "--grace-period=0s", "--expire-prepared=0s")),
    (3, _plain("image", "gc")),
    (2, _plain("image", "gc", "--grace-period=0s")),
    (3, _of_image("image", "rm")),
    (1, _of_image("image", "verify")),
    (1, _of_image("image", "export", "{home}/out-{n}.aci")),
    (1, _of_image("image", "cat-manifest")),
    (2, _plain("image", "list")),
    (2, _plain("list")),
    (1, _plain("list", "--format=json")),
    (1, _plain("events", "--no-stream", "--since=-1m")),
    (1, _plain("events", "--until=+1s")),
    (1, _plain("network", "reload")),
    (1, _plain("network", "check")),
    (1, _plain("network", "list")),
    (1, _plain("top", "--interval=0")),
]
_WEIGHTS = [weight for weight, _ in TABLE]


def draw(world: World, rng: random.Random) -> Act:
    """Return a command for now."""
    for _ in range(4):
        (make,) = rng.choices([make for _, make in TABLE], _WEIGHTS)
        act = make(world, rng)
        if not any(NO_POD in arg for arg in act.args):
            break
    return act
