"""The files of a pod, each full of garbage in turn: what is shown of the pod, and no traceback.

An input is the name of a file, a line end and what is in it.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.layout import Layout
from rktpy.pod.phase import Phase
from tests.fuzz import mutate
from tests.fuzz.target import Target
from tests.support.pods import STAGE1_ID, a_manifest, a_pod
from tests.unit.cli.desk import here

if TYPE_CHECKING:
    from random import Random

_UUID = "12345678-9abc-4ef0-8234-56789abcdef0"
_STATUS = f"overlay/{STAGE1_ID}/upper/rkt/status"
_NET = [{"netName": "default", "netConf": "", "ifName": "eth0", "ip": "10.0.0.2", "mask": "x"}]
_ISOLATORS = {"redis": [{"name": "resource/cpu", "value": {"limit": "1"}, "enforced": True}]}
_IMAGE = {"name": "a/b", "labels": [{"name": "version", "value": "1"}]}
_KEYS = (
    "apps", "name", "image", "id", "labels", "value", "annotations", "volumes", "mounts", "volume",
    "path",
    "appVolume", "userLabels", "userAnnotations", "app", "netName", "ip", "source", "readOnly",
    "redis", "",
)  # fmt: skip
_CALLS = (
    (
        "list",
        "--full",
        "--fields=uuid,name,app,image,imageid,state,created,started,networks,labels",
    ),
    ("list", "--format=json"),
    ("list", "--label=a=b"),
    ("status", _UUID),
    ("status", "--format=json", _UUID),
    ("cat-manifest", _UUID),
)
_change, _text = mutate.structured(_KEYS), mutate.text()


def _files() -> dict[str, bytes]:
    nameless = a_manifest("redis") | {"userLabels": {"a": "b"}, "userAnnotations": {"c": "d"}}
    nameless["apps"][0]["image"] = {"id": "sha512-aa"}  # type: ignore[index]
    mutable = a_manifest("redis") | {
        "annotations": [{"name": "coreos.com/rkt/stage1/mutable", "value": "true"}]
    }
    return {
        "pod": json.dumps(nameless).encode(),
        "./pod": json.dumps(mutable).encode(),
        ".//pod": json.dumps(a_manifest("redis", "web")).encode(),
        "net-info.json": json.dumps(_NET).encode(),
        "isolators": json.dumps(_ISOLATORS).encode(),
        "appsinfo/redis/manifest": json.dumps(_IMAGE).encode(),
        "ppid": b"4194304\n",
        "pid": b"4194304\n",
        "name": b"web",
        "stage1TreeStoreID": STAGE1_ID.encode(),
        f"{_STATUS}/redis": b"0",
    }


def _seeds() -> list[bytes]:
    return [name.encode() + b"\n" + content for name, content in _files().items()]


def _changed(data: bytes, random: Random) -> bytes:
    name, _, content = data.partition(b"\n")
    if random.randrange(20) == 0:
        name = random.choice(list(_files())).encode()
    change = _change if content[:1] in (b"{", b"[") else _text
    return name + b"\n" + change(content, random)


def _stretched(data: bytes, random: Random) -> bytes:
    name, _, content = data.partition(b"\n")
    return name + b"\n" + mutate.stretch_json(content, random)


class _Pod:
    def __init__(self) -> None:
        self._data = ""

    def run(self, data: bytes) -> None:
        name, _, content = data.partition(b"\n")
        files = _files()
        chosen = name.decode("latin-1")
        if chosen not in files:
            return
        root = self._pod()
        for one in ("pod", chosen):  # the manifest that asks for the other files
            (root / one).write_bytes(files["pod"])
        (root / chosen).write_bytes(content)
        for words in _CALLS:
            result = here(words[0], f"--dir={self._data}", *words[1:])
            assert "internal error" not in result.stderr, (words, result.stderr)
            shown = result.stderr if "json" in str(words) or words[0] == "cat-manifest" else (
                result.stdout + result.stderr
            )  # fmt: skip
            assert shown.replace("\n", "").replace("\t", "").isprintable(), (words, shown[:500])
        for path in (root / chosen, root / "pod"):
            path.unlink(missing_ok=True)

    def _pod(self) -> Path:
        """Return the pod's directory with all its files as they should be."""
        if not self._data:
            self._data = tempfile.mkdtemp()
        root = Path(Layout(self._data).pod(Phase.RUN, _UUID).root)
        if not root.exists():
            a_pod(Layout(self._data), uuid=_UUID, status=0)
        return root


_pod = _Pod()
TARGET = Target(_pod.run, _seeds, _changed, _stretched)
