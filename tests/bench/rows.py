"""The rows of the bench: the operations of design.md section 5 and what each side runs for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import payload, sandbox
from tests.bench.model import Budget, Row, Side
from tests.bench.podman import IMAGE, Podman
from tests.bench.pulls import Pulls
from tests.bench.rktpy_side import TRUE, WEB, Rktpy, void

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.floors import Floors

RUNTIME = Path("/run/rktpy")  # host facts; a fresh host has none


class Bench:
    """Sets the sides of the rows up below ``home``."""

    def __init__(self, home: Path, floors: Floors) -> None:
        self.home = home
        self.floors = floors
        self.rktpy = Rktpy(home / "rktpy")
        self._podman: Podman | None = None
        self._pulls = Pulls(home, self.rktpy, lambda: self.podman, floors)

    @property
    def podman(self) -> Podman:
        """The peer. Raises ``UnavailableError`` where it is not installed."""
        if self._podman is None:
            self._podman = Podman(self.home / "podman")
        return self._podman

    def rows(self) -> list[Row]:
        """Return all rows, cheap ones first."""
        return [
            *self._small(), *self._runs(), *self._many(), *self._large(), *self._pulls.rows()
        ]  # fmt: skip

    # -- reading --------------------------------------------------------------------------------

    def _small(self) -> list[Row]:
        below = Budget(wall=30, below_peer=True)
        plain = self.floors.interpreter
        return [
            Row("version", "version", below, {
                "rktpy": lambda: self._own("version"),
                "podman": lambda: self._peer("version"),
                "floor": plain,
            }, rounds=25),
            Row("list-10", "list, 10 exited pods", below, {
                "rktpy": lambda: self._own("list", exited=10),
                "podman": lambda: self._peer("ps", "-a", exited=10),
                "floor": plain,
            }, rounds=25),
            Row("status-10", "status, 10 exited pods", below, {
                "rktpy": self._own_status,
                "podman": self._peer_inspect,
                "floor": plain,
            }, rounds=25),
            Row("list-1000", "list, 1000 exited pods", Budget(wall=80, memory=30), {
                "rktpy": lambda: self._own("list", exited=1000),
                "podman": lambda: self._peer("ps", "-a", exited=1000),
                "floor": plain,
            }),
            Row("image-list-100", "image list, 100 images", Budget(wall=40), {
                "rktpy": self._own_image_list,
                "podman": lambda: self._peer("images", images=100),
                "floor": plain,
            }),
        ]  # fmt: skip

    def _own(self, *arguments: str, exited: int = 0) -> Side:
        self.rktpy.fresh(exited=exited)
        return Side([self.rktpy.command(*arguments)])

    def _peer(self, *arguments: str, exited: int = 0, images: int = 1) -> Side:
        self.podman.fresh(exited=exited, images=images)
        return Side([self.podman.command(*arguments)], close=self.podman.drop)

    def _own_status(self) -> Side:
        identifier = self.rktpy.fresh(exited=10)[0]
        return Side([self.rktpy.command("status", identifier)])

    def _peer_inspect(self) -> Side:
        self.podman.fresh(exited=10)
        identifier = self.podman.call("ps", "-aq", "--last=1")
        return Side([self.podman.command("inspect", identifier)], close=self.podman.drop)

    def _own_image_list(self) -> Side:
        self.rktpy.fresh()
        images = [str(self.rktpy.numbered_image(number)) for number in range(100)]
        self.rktpy.call("fetch", *images)
        return Side([self.rktpy.command("image", "list")])

    # -- running --------------------------------------------------------------------------------

    def _runs(self) -> list[Row]:
        boot = self.floors.boot
        return [
            Row("run-true", "run true, nspawn, host net", Budget(times_floor=1.4), {
                "rktpy": self._own_run, "podman": self._peer_run, "floor": boot,
            }),
            Row("run-true-100", "run true, 100 dead pods", Budget(times_floor=1.4), {
                "rktpy": lambda: self._own_run(exited=100),
                "podman": lambda: self._peer_run(exited=100),
                "floor": boot,
            }),
            Row("run-net", "run true, default network, a port", Budget(wall=250, below_peer=True), {
                "rktpy": self._own_connected, "podman": self._peer_connected, "floor": boot,
            }),
            Row("run-two", "two-app pod, run to exit", Budget(wall=250), {
                "rktpy": lambda: self._own_run(apps=2),
                "podman": lambda: self._peer_pod(2),
                "floor": boot,
            }),
            Row("run-20", "20-app pod (floor: one app)", Budget(times_floor=3), {
                "rktpy": lambda: self._own_run(apps=20),
                "podman": lambda: self._peer_pod(20),
                "floor": self._run_apps,
            }, rounds=5),
            Row("enter", "enter", Budget(wall=40), {
                "rktpy": self._own_enter, "podman": self._peer_exec, "floor": self.floors.nsenter,
            }, rounds=25),
            Row("first-run", "the very first run", Budget(wall=900), {
                "rktpy": self._own_first, "podman": self._peer_first, "floor": boot,
            }, rounds=5),
        ]  # fmt: skip

    def _own_run(self, *, exited: int = 0, apps: int = 1) -> Side:
        self.rktpy.fresh(exited=exited)
        self.rktpy.fetch_true()
        return self._run_apps(apps)

    def _run_apps(self, apps: int = 1) -> Side:
        dead = set(self.rktpy.pods())
        images = [word for n in range(apps) for word in (TRUE, f"--name=app{n}")]

        def after() -> None:
            for pod in set(self.rktpy.pods()) - dead:
                sandbox.set_aside(pod)

        return Side([self.rktpy.command("run", "--net=host", *images)], after=after)

    def _own_connected(self) -> Side:
        """What it leaves goes with ``gc``, which is not timed; podman's goes with the container."""
        self.rktpy.fresh()
        self.rktpy.call("fetch", str(self.rktpy.web_image()))

        def after() -> None:
            self.rktpy.call("gc", "--grace-period=0s")

        return Side([self.rktpy.command("run", "--port=web:8080", WEB)], after=after)

    def _peer_connected(self) -> Side:
        self.podman.fresh()
        words = self.podman.run_arguments(
            "--rm", "--publish=8081:80", IMAGE, "/bin/true", network="podman"
        )
        return Side([self.podman.command(*words)], close=self.podman.drop)

    def _peer_run(self, *, exited: int = 0) -> Side:
        self.podman.fresh(exited=exited)
        command = self.podman.run_command("--rm", IMAGE, "/bin/true")
        return Side([command], close=self.podman.drop)

    def _peer_pod(self, apps: int) -> Side:
        """Pods without the shared pause container: that one needs limits it may not raise here."""
        self.podman.fresh()
        parent = f"--cgroup-parent={self.podman.cgroup_parent()}"
        create = ("create", "--pod=pod", "--network=host")
        names = [f"app{number}" for number in range(apps)]
        commands = [
            self.podman.command("pod", "create", "--infra=false", "--name=pod", "--share=", parent),
            *(self.podman.command(*create, f"--name={n}", IMAGE, "/bin/true") for n in names),
            self.podman.command("pod", "start", "pod"),
            self.podman.command("wait", *names),
            self.podman.command("pod", "rm", "pod"),
        ]
        return Side(commands, close=self.podman.drop)

    def _own_enter(self) -> Side:
        self.rktpy.fresh()
        identifier, pod = self.rktpy.start_sleeper()

        def close() -> None:
            self.rktpy.call("stop", "--force", identifier)
            pod.wait()

        return Side([self.rktpy.command("enter", identifier, "/bin/true")], close=close)

    def _peer_exec(self) -> Side:
        self.podman.fresh()
        arguments = self.podman.run_arguments("--detach", "--name=sleeper", IMAGE)
        self.podman.call(*arguments, "/bin/sleep", "3600")

        def close() -> None:
            self.podman.call("rm", "--force", "--time=0", "sleeper")
            self.podman.drop()

        return Side([self.podman.command("exec", "sleeper", "/bin/true")], close=close)

    def _own_first(self) -> Side:
        data = self.rktpy.home / "first"
        image = str(self.rktpy.true_image())

        def before() -> None:
            sandbox.set_aside(data)
            shutil.rmtree(RUNTIME, ignore_errors=True)

        command = self.rktpy.command("run", "--net=host", image, data=data)
        return Side([command], before=before, close=before)

    def _peer_first(self) -> Side:
        image = f"docker-archive:{self.podman.archive()}"
        command = self.podman.run_command("--rm", image, "/bin/true", state="first")

        def before() -> None:
            self.podman.drop("first")

        return Side([command], before=before, close=before)

    # -- removing -------------------------------------------------------------------------------

    def _many(self) -> list[Row]:
        return [
            Row("gc-100", "gc of 100 exited pods", Budget(wall=500), {
                "rktpy": self._own_gc, "podman": self._peer_prune, "floor": self._rm_files,
            }, rounds=7),
            Row("rm-100", "rm of 100 among 1000", Budget(wall=500), {
                "rktpy": self._own_rm, "podman": self._peer_rm, "floor": self._rm_files,
            }, rounds=5),
        ]  # fmt: skip

    def _rm_files(self) -> Side:
        """Deleting the files of 100 pods, which is not all that deleting a pod is."""
        data = self.home / "floors/pods"

        def make() -> list[Path]:
            return [data / "pods/run" / name for name in self.rktpy.add_exited(100, data)]

        return self.floors.remove(make)

    def _own_gc(self) -> Side:
        def before() -> None:
            self.rktpy.clean()
            self.rktpy.add_exited(100)

        self.rktpy.fresh()
        # Mark and sweep are two runs under rkt's rules; with no grace period one does both.
        return Side([self.rktpy.command("gc", "--grace-period=0s")], before=before)

    def _peer_prune(self) -> Side:
        return Side(
            [self.podman.command("container", "prune", "--force")],
            before=lambda: self.podman.fresh(exited=100),
            close=self.podman.drop,
        )

    def _own_rm(self) -> Side:
        self.rktpy.fresh(exited=900)
        commands = [self.rktpy.command("rm")]

        def before() -> None:
            commands[0] = self.rktpy.command("rm", *self.rktpy.add_exited(100))

        return Side(commands, before=before)

    def _peer_rm(self) -> Side:
        commands = [self.podman.command("rm")]

        def before() -> None:
            self.podman.fresh(exited=1000)
            victims = self.podman.call("ps", "-aq", "--last=100").split()
            commands[0] = self.podman.command("rm", *victims)

        return Side(commands, before=before, close=self.podman.drop)

    # -- fetching -------------------------------------------------------------------------------

    def _large(self) -> list[Row]:
        def row(kind: str | None, budget: int) -> Row:
            name = kind or "plain"
            build: dict[str, Callable[[], Side]] = {
                "rktpy": lambda: self._own_fetch(kind),
                "podman": lambda: self._peer_import(kind),
                "floor": lambda: self.floors.extract(payload.image(self.home, kind)),
            }
            title = f"fetch of a 100 MB ACI, {name}"
            return Row(f"fetch-{name}", title, Budget(wall=budget), build, rounds=5)

        return [row(None, 900), row("gzip", 1000)]

    def _own_fetch(self, compression: str | None) -> Side:
        command = self.rktpy.command("fetch", str(payload.image(self.home, compression)))
        return Side([command], before=lambda: void(self.rktpy.fresh()))

    def _peer_import(self, compression: str | None) -> Side:
        archive = str(payload.image(self.home, compression))
        return Side(
            [self.podman.command("import", "-q", archive, "localhost/large")],
            before=self.podman.fresh,
            close=self.podman.drop,
        )
