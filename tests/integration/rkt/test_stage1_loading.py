"""Where stage1 comes from: the rows of rkt's stage1_loading_test, and what rktpy adds.

rkt's test ran a stub. Here the stub is prepared only; it says to be rktpy's own, or it is refused
once it was found.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from rktpy.version import VERSION
from tests.integration.run import rk
from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.rk import Rktpy
from tests.support.aci_server import Server
from tests.support.images import build_aci, host_arch, image_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Done

STUB, STUB_VERSION = "localhost/rkt-stub-stage1", "0.0.1"
BUILTIN = "coreos.com/rkt/stage1-host"
FROM_NAME = f"image: using image from local store for image name {STUB}:{STUB_VERSION}"
REFUSED = "brings entry points of its own, which are not supported yet"


class Host:
    """A data directory, a configuration, a stub stage1 and an app."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rkt = Rktpy(home / "data")
        self.stub = stub_aci(home / "images/stub-stage1.aci", own=True)
        app = build_aci(home / "app.aci")
        self.app = image_id(app)  # by which it is found whether signed or not
        self.rkt.ok("fetch", app)
        self.from_stub = f"image: using image from file {self.stub}"

    def configure(self, kind: str, **content: str) -> None:
        directory = self.home / f"local/{kind}.d"
        directory.mkdir(parents=True)
        text = json.dumps({"rktKind": kind, "rktVersion": "v1", **content})
        (directory / "test.json").write_text(text)

    def prepare(self, *options: str, insecure: str = "image,tls") -> Done:
        dirs = (f"--local-config={self.home}/local", f"--system-config={self.home}/none")
        fences = f"--insecure-options={insecure}"
        return self.rkt(*dirs, "--debug", fences, "prepare", *options, self.app)

    def stage1(self, done: Done) -> str:
        """Return the name of the stage1 image of the pod that was prepared."""
        assert done.status == 0, done
        pod = self.rkt.data / "pods/prepared" / done.out.strip()
        name: str = json.loads((pod / "stage1/manifest").read_text())["name"]
        return name


def stub_aci(path: Path, *, own: bool, version: str = STUB_VERSION) -> Path:
    path.parent.mkdir(exist_ok=True)
    annotation = "rktpy/stage1/builtin" if own else "coreos.com/rkt/stage1/run"
    labels = {"version": version, "os": "linux", "arch": host_arch()}
    return build_aci(path, name=STUB, labels=labels, annotations={annotation: "/ex/run"})


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("name", "version", "second"),
    [
        (STUB, STUB_VERSION, FROM_NAME),
        (STUB, "0.0.2", "{file}"),
        ("localhost/other", STUB_VERSION, "{file}"),
    ],
)
def test_the_configured_image_is_read_from_its_location_until_it_is_stored(
    host: Host, name: str, version: str, second: str
) -> None:
    host.configure("stage1", name=name, version=version, location=str(host.stub))

    first = host.prepare()
    assert host.stage1(first) == STUB
    assert host.from_stub in first.err
    assert "searching for app image" not in first.err

    again = host.prepare()
    assert host.stage1(again) == STUB
    assert second.format(file=host.from_stub) in again.err
    assert (FROM_NAME in again.err) != (host.from_stub in again.err)


def test_a_version_built_by_hand_is_always_read(host: Host) -> None:
    version = f"{STUB_VERSION}-dirty"
    stub = stub_aci(host.home / "dirty.aci", own=True, version=version)
    host.configure("stage1", name=STUB, version=version, location=str(stub))

    for _ in range(2):
        assert f"image: using image from file {stub}" in host.prepare().err


def test_a_location_may_be_a_file_url(host: Host) -> None:
    location = f"file://{host.stub}"
    host.configure("stage1", name=STUB, version=STUB_VERSION, location=location)

    assert host.from_stub in host.prepare().err
    assert FROM_NAME in host.prepare().err


def test_a_location_without_a_name_is_always_read(host: Host) -> None:
    host.configure("stage1", location=str(host.stub))

    for _ in range(2):
        done = host.prepare()
        assert (host.stage1(done), host.from_stub in done.err) == (STUB, True)


def test_a_relative_location_is_refused(host: Host) -> None:
    host.configure("stage1", name=STUB, version=STUB_VERSION, location="stub-stage1.aci")

    done = host.prepare()

    assert done.status == 254
    words = "default stage1 image location is either a relative path or a URL without scheme"
    assert words in done.err


def test_a_missing_file_is_looked_for_beside_the_program_which_needs_no_signature(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/rkt"
    program.parent.mkdir()
    shutil.copy(rk.COMMAND, program)
    monkeypatch.setattr(rk, "COMMAND", program)
    missing = tmp_path / "gone" / host.stub.name
    host.configure("stage1", name=STUB, version=STUB_VERSION, location=str(missing))

    failed = host.prepare(insecure="none")
    assert failed.status == 254
    assert "failed to fetch stage1 image and failed to fall back to stage1 image" in failed.err

    beside = shutil.copy(host.stub, program.parent)
    done = host.prepare(insecure="none")
    assert host.stage1(done) == STUB
    lines = [line for line in done.err.splitlines() if "using image from file" in line]
    assert [line.rpartition(" ")[2] for line in lines] == [str(missing), str(beside)]


def test_a_name_that_is_nowhere_says_what_to_do(host: Host) -> None:
    host.configure("stage1", name=STUB, version=STUB_VERSION)

    done = host.prepare()

    assert done.status == 254
    assert "neither the location of the default stage1 image nor its filename are set" in done.err
    assert host.rkt.pods() == []


@pytest.fixture
def url(host: Host, tmp_path: Path) -> Iterator[str]:
    """The stub on a server."""
    with Server(tmp_path / "served", 80) as server:
        server.put(f"/{host.stub.name}", host.stub)
        yield f"http://127.0.0.1/{host.stub.name}"


def test_a_location_is_downloaded_until_the_image_is_stored(host: Host, url: str) -> None:
    host.configure("stage1", name=STUB, version=STUB_VERSION, location=url)

    first = host.prepare()
    assert host.stage1(first) == STUB
    assert f'image: remote fetching from URL "{url}"' in first.err

    again = host.prepare()
    assert host.stage1(again) == STUB
    assert FROM_NAME in again.err


def test_an_option_names_a_url(host: Host, url: str) -> None:
    first = host.prepare(f"--stage1-url={url}")
    assert host.stage1(first) == STUB
    assert f'image: remote fetching from URL "{url}"' in first.err

    again = host.prepare(f"--stage1-url={url}")
    assert host.stage1(again) == STUB
    assert f"image: using image from local store for url {url}" in again.err


def test_a_url_that_cannot_be_had_is_told(host: Host) -> None:
    location = "http://127.0.0.1:1/stub-stage1.aci"
    host.configure("stage1", name=STUB, version=STUB_VERSION, location=location)

    done = host.prepare()

    assert (done.status, "failed to fetch stage1 image" in done.err) == (254, True)


@pytest.mark.parametrize(
    "option", ["path={name}", "path={path}", "url=file://{path}", "from-dir={name}"]
)
def test_an_option_names_a_file(host: Host, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.chdir(host.stub.parent)
    host.configure("paths", **{"stage1-images": str(host.stub.parent)})

    done = host.prepare("--stage1-" + option.format(name=host.stub.name, path=host.stub))

    assert (host.stage1(done), host.from_stub in done.err) == (STUB, True)


def test_an_option_names_a_stored_image(host: Host) -> None:
    host.rkt.ok("fetch", host.stub)

    done = host.prepare(f"--stage1-name={STUB}:{STUB_VERSION}")
    assert (host.stage1(done), FROM_NAME in done.err) == (STUB, True)

    image = image_id(host.stub)
    done = host.prepare(f"--stage1-hash={image}")
    assert host.stage1(done) == STUB
    assert f"using image from the store with hash {image[:71]}" in done.err


def test_an_option_wins_over_the_configuration(host: Host) -> None:
    host.configure("stage1", name=STUB, version=STUB_VERSION, location=str(host.stub))

    assert host.stage1(host.prepare(f"--stage1-name={BUILTIN}:{VERSION}")) == BUILTIN


def test_rktpys_own_image_is_made_when_it_is_named(host: Host) -> None:
    host.configure("stage1", name=BUILTIN, version=VERSION)

    done = host.prepare()

    assert host.stage1(done) == BUILTIN
    assert f"using image from local store for image name {BUILTIN}:{VERSION}" in done.err


@pytest.mark.parametrize("option", ["--stage1-path={stub}", "--stage1-from-dir=foreign.aci", ""])
def test_a_foreign_image_is_found_and_then_refused(host: Host, option: str) -> None:
    stub = stub_aci(host.home / "images/foreign.aci", own=False)
    host.configure("paths", **{"stage1-images": str(stub.parent)})
    if not option:
        host.configure("stage1", name=STUB, version=STUB_VERSION, location=str(stub))

    done = host.prepare(*([option.format(stub=stub)] if option else []))

    assert (done.status, REFUSED in done.err) == (254, True)
    assert f"image: using image from file {stub}" in done.err
    assert ("stage1.d" if not option else option.partition("=")[0]) in done.err
    assert host.rkt.pods() == []


def test_an_image_needs_a_signature_or_the_users_word(host: Host) -> None:
    host.configure("paths", **{"stage1-images": str(host.stub.parent)})

    done = host.prepare(f"--stage1-from-dir={host.stub.name}", insecure="none")

    assert (done.status, "error opening signature file" in done.err) == (254, True)


def test_an_exported_stage1_runs_a_pod(tmp_path: Path) -> None:
    rkt = Rktpy(tmp_path / "data")
    rkt.ok("prepare", shell_aci(tmp_path / "shell.aci"), "--", "true")
    rkt.ok("image", "export", BUILTIN, tmp_path / "stage1.aci")

    done = rkt.run(f"--stage1-path={tmp_path}/stage1.aci", SHELL, "--", "exit 7")

    assert done.status == 7
    assert rkt.collect().status == 0
