"""``image gc`` and images that nothing runs, but a file of this host names."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from tests.integration.image.test_commands import Rkt
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

UNITS = Path("/run/systemd/system")
PODS = Path("/run/rktpy/pods")


@pytest.fixture
def rkt(tmp_path: Path) -> Iterator[Rkt]:
    """A store with web, which is built on base, and db; /run is the test's own."""
    UNITS.mkdir(parents=True)
    PODS.mkdir(parents=True)
    rkt = Rkt(tmp_path / "data")
    for name, below in (("base", ()), ("web", ("base",)), ("db", ())):
        wanted = [{"imageName": f"example.com/{one}"} for one in below]
        path = build_aci(
            tmp_path / f"{name}.aci", name=f"example.com/{name}", files={}, dependencies=wanted
        )
        assert rkt("fetch", "--pull-policy=new", str(path)).returncode == 0
    yield rkt
    for directory in (UNITS, PODS):
        shutil.rmtree(directory)


def left(rkt: Rkt) -> set[str]:
    done = rkt("image", "gc", "--grace-period=0s")
    assert done.returncode == 0, done
    return {
        str(image.name).rpartition("/")[2] for image in ImageStore(Layout(str(rkt.data))).images()
    }


def test_what_nobody_names_goes(rkt: Rkt) -> None:
    (UNITS / "ssh.service").write_text("[Service]\nExecStart=/bin/echo example.com/web\n")
    assert left(rkt) == set()


@pytest.mark.parametrize(
    "line",
    [
        "ExecStart=/usr/bin/rktpy run --net=host example.com/web -- x",
        'ExecStart=-/usr/bin/rkt run \\\n  "example.com/web" --memory=64M',
        "ExecStart=/bin/sh -c \"date; exec rktpy run 'example.com/web' || exit\"",
        "ExecStart=/usr/bin/rktpy run {id}",
        "ExecStart=/usr/bin/rktpy run {short}",
    ],
)
def test_an_image_of_a_unit_stays_with_what_it_is_built_on(
    rkt: Rkt, line: str, tmp_path: Path
) -> None:
    key = image_key(tmp_path / "web.aci")
    text = line.format(id=key, short=key[:19])
    (UNITS / "web.service").write_text(f"[Service]\n{text}\n")

    assert left(rkt) == {"web", "base"}


def test_an_image_of_a_drop_in_or_of_a_pod_in_a_file_stays(rkt: Rkt) -> None:
    (UNITS / "web.service.d").mkdir()
    drop_in = UNITS / "web.service.d/image.conf"
    drop_in.write_text("[Service]\nExecStart=\nExecStart=rktpy run example.com/web\n")
    (PODS / "db.pod").write_text("[App\nWrong=\n[App]\nImage=example.com/db\n")
    assert left(rkt) == {"web", "base", "db"}

    drop_in.unlink()
    assert left(rkt) == {"db"}


@pytest.mark.parametrize(
    "lines",
    [
        "Environment=A=1 IMAGE=example.com/web\nExecStart=rktpy run ${IMAGE} -- $A",
        "Environment=WHAT=web\nExecStart=rktpy run example.com/${WHAT}",
        'Environment="IMAGES=example.com/db example.com/web"\nExecStart=rktpy run $IMAGES',
        "EnvironmentFile=-/run/image.env\nExecStart=rktpy run $IMAGE",
        "Environment=IMAGE=example.com/web\nExecStart=/bin/sh -c 'exec rktpy run \"$$IMAGE\"'",
        "ExecStart=/usr/bin/rktpy run example.com/%p",
    ],
)
def test_variables_and_specifiers_are_followed(rkt: Rkt, lines: str) -> None:
    Path("/run/image.env").write_text("# ours\nIMAGE='example.com/web'\n")
    (UNITS / "web.service").write_text(f"[Service]\n{lines}\n")
    try:
        done = rkt("image", "gc", "--grace-period=0s")
        assert "no file tells" not in done.stderr
        assert left(rkt) - {"db"} == {"web", "base"}
    finally:
        Path("/run/image.env").unlink()


def test_a_variable_of_a_drop_in_counts_for_its_unit_alone(rkt: Rkt) -> None:
    (UNITS / "web@.service").write_text("[Service]\nExecStart=rktpy run example.com/${WHAT}\n")
    (UNITS / "web@7.service.d").mkdir()
    (UNITS / "web@7.service.d/what.conf").write_text("[Service]\nEnvironment=WHAT=%p\n")
    (UNITS / "db.service").write_text("[Service]\nEnvironment=WHAT=db\nExecStart=/bin/rkt gc\n")
    (UNITS / "web@.service.d").mkdir()
    (UNITS / "web@.service.d/what.conf").write_text("[Service]\nEnvironment=WHAT=none\n")

    assert left(rkt) == {"web", "base"}


@pytest.mark.parametrize(
    ("line", "word", "stay"),
    [
        ("run ${IMAGE}", "…", {"web", "base", "db"}),
        ("run example.com/w%i", "example.com/w…", {"web"}),
        ("fetch example.com/web:%i", "example.com/web:…", {"web"}),
        ("run docker://registry.example.com/a/db:${TAG}", "docker://registry.example.com/a/db:…",
         {"db"}),
    ],
)  # fmt: skip
def test_what_no_file_tells_keeps_all_that_it_may_be_and_is_told(
    rkt: Rkt, line: str, word: str, stay: set[str]
) -> None:
    (UNITS / "x@.service").write_text(f"[Service]\nExecStart=rktpy {line}\n")

    done = rkt("image", "gc", "--grace-period=0s")

    assert f'gc: x@.service: no file tells which image "{word}" is; all that' in done.stderr
    assert stay <= left(rkt)
    if "db" not in stay:
        assert "db" not in left(rkt)


def test_other_variables_of_a_unit_are_nobodys_doubt(rkt: Rkt) -> None:
    (UNITS / "job.service").write_text(
        "[Service]\nExecStart=rktpy run --memory=${MEMORY} example.com/web --hostname=%b -- $ARGS\n"
        "ExecStop=/bin/sh -c 'rktpy stop $MAINPID'\nExecStopPost=rktpy gc --grace-period=${G}\n"
    )
    done = rkt("image", "gc", "--grace-period=0s")

    assert "no file tells" not in done.stderr
    assert left(rkt) == {"web", "base"}


def test_the_image_of_a_pod_in_a_file_may_have_a_specifier(rkt: Rkt) -> None:
    (PODS / "web.pod").write_text("[App]\nImage=example.com/%p\n")

    assert left(rkt) == {"web", "base"}


def test_rm_takes_what_a_file_names(rkt: Rkt) -> None:
    (PODS / "db.pod").write_text("[App]\nImage=example.com/db\n")
    assert rkt("image", "rm", "example.com/db").returncode == 0
    assert left(rkt) == set()
