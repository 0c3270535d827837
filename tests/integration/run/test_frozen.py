"""Frozen pods: told, and nobody waits for what they would do."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.cgroup.places import hierarchies
from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

pytestmark = pytest.mark.integration


def test_a_frozen_pod_is_told_of_until_it_is_thawed(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "exec sleep 300") as pod:
        uuid = pod.ready()
        group = _group(rkt.data, uuid)
        before = rkt.status(uuid)
        _freeze(group, "1")
        told, document = rkt.status(uuid), json.loads(rkt.ok("status", "--format=json", uuid))
        stopped = rkt("stop", uuid)
        entered = rkt("enter", uuid, "/bin/echo", "inside")
        subprocess.run(["sh", "-c", _hint(entered.err)], check=True)
        after = rkt.ok("enter", uuid, "/bin/echo", "inside")
        rkt.ok("stop", uuid)
        done = pod.end()

    assert "frozen" not in before
    assert (told["state"], told["frozen"], document["frozen"]) == ("running", "true", True)
    assert (stopped.status, entered.status) == (254, 254)
    assert f"rktpy stop --force {uuid}" in stopped.err
    assert _hint(stopped.err) == _hint(entered.err)
    assert after == "inside\n"
    assert done.status == 0


def test_a_frozen_app_is_not_entered_and_a_frozen_pod_is_killed(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "exec sleep 300") as pod:
        uuid = pod.ready()
        group = _group(rkt.data, uuid)
        _freeze(f"{group}/system.slice/shell.service", "1")
        entered = rkt("enter", uuid, "/bin/echo", "inside")
        told = rkt.status(uuid)
        _freeze(group, "1")
        rkt.ok("stop", "--force", uuid)
        done = pod.end()

    assert f'app "shell" of pod "{uuid}" is frozen' in entered.err
    assert "frozen" not in told
    assert done.status == -9


def test_a_frozen_pod_is_not_replaced(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", "exec sleep 300") as pod:
        uuid = pod.ready()
        _freeze(_group(rkt.data, uuid), "1")
        done = rkt.run("--replace", "--pod-name=web", SHELL, "--", "true")
        kept = rkt.status("web")
        rkt.ok("stop", "--force", uuid)

    assert done.status == 254
    assert f'cannot replace pod "{uuid}", which has the name "web"' in done.err
    assert "is frozen (thaw it with: " in done.err
    assert kept["state"] == "running"


def _hint(said: str) -> str:
    """Return the command that is said to thaw the pod."""
    found = re.search(r'pod "[\w-]+" is frozen \(thaw it with: (.*?)(, or kill .*)?\)$', said, re.M)
    assert found, said
    return found[1]


def _group(data: Path, uuid: str) -> str:
    """Return where PID 1 of the pod is in cgroup2."""
    (tree,) = (one for one in hierarchies() if not one.key)
    path = (data / "pods" / "run" / uuid / "subcgroup").read_text().strip()
    directory = tree.directory(path)
    assert directory is not None
    return directory


def _freeze(group: str, word: str) -> None:
    with open(f"{group}/cgroup.freeze", "w", encoding="ascii") as file:
        file.write(word)
    while f"frozen {word}" not in Path(group, "cgroup.events").read_text(encoding="ascii"):
        pass
