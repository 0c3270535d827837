"""Names: where images and keys are found, and what of it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import images_at, page, token_file
from tests.support.aci_server import Server
from tests.support.images import build_aci, host_arch, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration

NAME = "example.com/app"
TEMPLATE = "https://cdn.example.com/{name}-{version}-{os}-{arch}.{ext}"
PATH = f"/example.com/app-1.2.0-linux-{host_arch()}.aci"
LATEST = PATH.replace("1.2.0", "latest")
UNKNOWN = "openpgp: signature made by unknown entity"


@pytest.fixture
def found(rkt: Fetcher, server: Server, keys: Keys, aci: Path) -> Path:
    """The image of ``NAME``, as version 1.2.0 and as latest; its key is trusted."""
    for path in (PATH, LATEST):
        server.put(path, aci)
        server.put(f"{path}.asc", keys.sign("key1", aci))
    server.put("/app", page(images_at(NAME, TEMPLATE)))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    return aci


def test_a_name_leads_to_its_image(rkt: Fetcher, server: Server, found: Path) -> None:
    done = rkt("--debug", "fetch", "--full", f"{NAME}:1.2.0")

    assert (done.status, done.out) == (0, image_key(found) + "\n")
    assert f"image: searching for app image {NAME}\n" in done.err
    assert f'image: remote fetching from URL "https://cdn.example.com{PATH}"\n' in done.err
    assert server.requests("/app")[-1]["query"] == "ac-discovery=1"


def test_a_name_without_a_version_leads_to_the_latest(
    rkt: Fetcher, server: Server, found: Path
) -> None:
    assert rkt("fetch", NAME).status == 0

    assert len(server.requests(LATEST)) == 1
    done = rkt("--debug", "fetch", "--pull-policy=new", NAME)
    assert f"image: using image from local store for image name {NAME}\n" in done.err


def test_shorter_paths_are_asked_down_to_the_host(
    rkt: Fetcher, server: Server, found: Path
) -> None:
    server.put("/app", page(images_at("example.org", "https://example.org/{name}.{ext}")))

    nowhere = rkt("--debug", "fetch", NAME)
    server.put("/index", page(images_at("example.com", TEMPLATE)))
    found_there = rkt("--debug", "fetch", NAME)

    assert f'discovery failed for "{NAME}"' in nowhere.err
    assert f"meta tag 'ac-discovery' not found on {NAME}" in found_there.err
    assert found_there.status == 0
    assert [one["path"] for one in server.requests() if one["query"]][-2:] == ["/app", "/index"]


@pytest.mark.parametrize(
    ("suffix", "words"),
    [
        (":2.0", '"version": "2.0" differs from fetched aci label value: "1.2.0"'),
        (":latest", '"version": "latest" differs from fetched aci label value: "1.2.0"'),
        (",arch=armv7l", f'"arch": "armv7l" differs from fetched aci label value: "{host_arch()}"'),
        (",unexistinglabel=bla", 'requested label "unexistinglabel" not provided by the image'),
    ],
)
@pytest.mark.parametrize("waived", ["--insecure-options=none", "--insecure-options=image"])
def test_labels_are_those_that_were_asked_for(
    rkt: Fetcher, server: Server, found: Path, suffix: str, words: str, waived: str
) -> None:
    server.put("/app", page(images_at(NAME, "https://cdn.example.com/one.{ext}")))
    server.put("/one.aci", found)
    server.put("/one.aci.asc", server.root.joinpath(PATH[1:] + ".asc"))

    done = rkt(waived, "fetch", NAME + suffix)

    assert done.status == 254
    assert words in done.err
    assert rkt.images() == []


def test_an_image_of_another_name_is_refused(
    rkt: Fetcher, server: Server, keys: Keys, found: Path, tmp_path: Path
) -> None:
    other = build_aci(tmp_path / "other.aci", name="example.com/other")
    server.put(LATEST, other)
    server.put(f"{LATEST}.asc", keys.sign("key1", other))

    done = rkt("fetch", NAME)

    assert f'error when reading the app name: "{NAME}" expected but "example.com/other"' in done.err


def test_a_signature_by_the_key_of_another_prefix_is_refused_before_the_image_is_loaded(
    rkt: Fetcher, server: Server, keys: Keys, found: Path
) -> None:
    rkt.trust(keys.file("key2"), "--prefix=example.org")
    server.put(f"{LATEST}.asc", keys.sign("key2", found))
    server.forget()

    done = rkt("fetch", NAME)

    assert (done.status, UNKNOWN in done.err) == (254, True)
    assert server.requests(LATEST) == []


def test_images_for_every_machine_fit(
    rkt: Fetcher, server: Server, keys: Keys, found: Path, tmp_path: Path
) -> None:
    plain = build_aci(tmp_path / "plain.aci", labels={})
    server.put(LATEST, plain)
    server.put(f"{LATEST}.asc", keys.sign("key1", plain))

    rkt.ok("fetch", NAME)
    done = rkt("--debug", "fetch", "--pull-policy=new", NAME)
    assert "using image from local store" in done.err


def test_the_first_place_that_can_be_used_is(rkt: Fetcher, server: Server, found: Path) -> None:
    places = ["hdfs://example.com/{name}.{ext}", "http://example.com/{name}.{ext}",
              "https://cdn.example.com/{nolabel}.{ext}", "https://cdn.example.com/gone.{ext}",
              TEMPLATE]  # fmt: skip
    server.put("/app", page(*(images_at(NAME, place) for place in places)))

    assert rkt("fetch", NAME).status == 0
    assert [one["status"] for one in server.requests("/gone.aci.asc")] == [404]


def test_a_secure_page_cannot_send_us_to_plain_http(
    rkt: Fetcher, server: Server, found: Path
) -> None:
    server.put("/app", page(images_at(NAME, "http://example.com/{name}.{ext}")))

    done = rkt("fetch", NAME)

    assert "no endpoints discovered" in done.err
    assert "--insecure-options=http" in done.err


def test_http_is_asked_only_when_allowed(
    rkt: Fetcher, server: Server, found: Path, tmp_path: Path
) -> None:
    (server.root / "app").unlink()
    with Server(tmp_path / "plain", 80) as plain:
        plain.put("/app", page(images_at(NAME, TEMPLATE)))

        assert f'discovery failed for "{NAME}"' in rkt("fetch", NAME).err
        assert plain.requests() == []
        assert rkt("--insecure-options=http", "fetch", NAME).status == 0


def test_an_endless_page_is_left(rkt: Fetcher, server: Server, found: Path) -> None:
    server.rule("/app", endless=True)

    assert "larger than 1048576 bytes" in rkt("fetch", NAME).err


def test_a_server_that_cannot_be_asked_is_what_is_told(rkt: Fetcher, server: Server) -> None:
    done = rkt("fetch", "nowhere.example.net/app")

    assert 'discovery failed for "nowhere.example.net/app": cannot find the host' in done.err


def test_credentials_go_along_with_discovery(rkt: Fetcher, server: Server, found: Path) -> None:
    rkt.configure("a.json", token_file("t"))
    server.rule("/app", authorization="Bearer t")

    assert rkt("fetch", NAME).status == 0


def test_an_answer_that_holds_counts_for_names_too(
    rkt: Fetcher, server: Server, found: Path
) -> None:
    server.rule(LATEST, headers={"Cache-Control": "max-age=86400"})
    rkt.ok("fetch", NAME)
    server.forget()

    done = rkt("--debug", "fetch", "--no-store", NAME)

    assert f"image: image for https://cdn.example.com{LATEST} isn't expired" in done.err
    assert server.requests(LATEST) == []


@pytest.mark.parametrize("age", [0, 86400])
def test_two_names_that_lead_to_one_place_are_told_apart(
    rkt: Fetcher, server: Server, found: Path, age: int
) -> None:
    server.put("/app", page(images_at(NAME, "https://cdn.example.com/one.{ext}")))
    server.put("/one.aci", found, headers={"Cache-Control": f"max-age={age}"})
    server.put("/one.aci.asc", server.root.joinpath(PATH[1:] + ".asc"))
    rkt.ok("fetch", f"{NAME}:1.2.0")

    done = rkt("fetch", f"{NAME}:2.0")

    assert done.status == 254
    assert '"version": "2.0" differs from fetched aci label value: "1.2.0"' in done.err
