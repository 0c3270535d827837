"""Images from URLs: caching, resuming, credentials, redirects, and servers that misbehave."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.rk import until
from tests.support.aci_server import Authority, Server
from tests.support.images import image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration

URL = "https://example.com/dir/app.aci"
PATH, SIGNATURE = "/dir/app.aci", "/dir/app.aci.asc"
BASIC = {"user": "bar", "password": "baz"}
BASIC_FIELD = "Basic " + base64.b64encode(b"bar:baz").decode()


@pytest.fixture
def url(rkt: Fetcher, server: Server, keys: Keys, aci: Path) -> str:
    """A signed image at ``URL``, whose key is trusted."""
    server.put(PATH, aci)
    server.put(SIGNATURE, keys.sign("key1", aci))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    return URL


def _auth(kind: str, credentials: dict[str, str], *domains: str) -> str:
    return json.dumps(
        {
            "rktKind": "auth",
            "rktVersion": "v1",
            "domains": list(domains or ("example.com",)),
            "type": kind,
            "credentials": credentials,
        }
    )


def _cut_and_killed(rkt: Fetcher, server: Server, url: str, kept: int) -> None:
    """Leave ``kept`` bytes of ``url`` behind, as a fetch does that is killed."""
    server.rule(PATH, cut=kept, hangs=True)
    process = subprocess.Popen(
        rkt.argv("fetch", url), env=os.environ | rkt.environment, stderr=subprocess.DEVNULL
    )

    def arrived() -> bool:
        bodies = list((rkt.data / "cas/download").glob("*/body"))
        return [body.stat().st_size for body in bodies] == [kept]

    until(arrived, "part of the image")
    process.kill()
    process.wait()
    server.forget()


def test_a_signed_image_is_fetched_from_a_url(rkt: Fetcher, url: str, aci: Path) -> None:
    done = rkt("--debug", "fetch", "--full", url)

    assert (done.status, done.out) == (0, image_key(aci) + "\n")
    for line in (
        f'image: remote fetching from URL "{url}"',
        f"image: downloading signature from {url}.asc",
        f"image: fetching image from {url}",
        "image: signature verified:",
        "Downloading ACI: ",
    ):
        assert f"{line}" in done.err
    assert rkt.partials() == []


def test_query_and_fragment_stay_with_the_signature(rkt: Fetcher, url: str, server: Server) -> None:
    assert rkt("fetch", f"{url}?token=a.b").status == 0

    assert [one["query"] for one in server.requests()] == ["token=a.b", "token=a.b"]
    assert [one["path"] for one in server.requests()] == [SIGNATURE, PATH]


def test_the_policy_decides_whether_the_server_is_asked(
    rkt: Fetcher, url: str, server: Server
) -> None:
    assert f'unable to fetch image from URL "{url}"' in rkt("fetch", "--pull-policy=never", url).err
    assert server.requests() == []
    rkt.ok("fetch", "--pull-policy=new", url)
    server.forget()

    for policy in ("new", "never"):
        done = rkt("--debug", "fetch", f"--pull-policy={policy}", url)
        assert f"image: using image from local store for url {url}\n" in done.err
    assert server.requests() == []

    rkt.ok("fetch", url)
    assert [one["status"] for one in server.requests(PATH)] == [304]


def test_a_changed_image_replaces_the_known_one(
    rkt: Fetcher, url: str, server: Server, keys: Keys, tmp_path: Path
) -> None:
    from tests.support.images import build_aci

    first = rkt.ok("fetch", url)
    newer = build_aci(tmp_path / "newer.aci", files={"/new": "er"})
    server.put(PATH, newer)
    server.put(SIGNATURE, keys.sign("key1", newer))

    assert rkt.ok("fetch", url) != first
    assert len(rkt.images()) == 2


def test_an_answer_that_holds_is_not_asked_for_again(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"})
    first = rkt("--debug", "fetch", url)
    server.forget()
    second = rkt("--debug", "--no-store", "fetch", url)

    assert f"fetching image from {url}\n" in first.err
    assert f"image: image for {url} isn't expired, not fetching.\n" in second.err
    assert second.out == first.out
    assert server.requests() == []


def test_what_must_not_be_kept_is_asked_for_again(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, headers={"Cache-Control": "no-cache, max-age=86400"})
    rkt.ok("fetch", url)
    server.forget()
    rkt.ok("fetch", url)

    assert [one["status"] for one in server.requests(PATH)] == [304]


def test_an_answer_is_renewed_by_a_304(rkt: Fetcher, url: str, server: Server) -> None:
    rkt.ok("fetch", url)
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"})
    rkt.ok("fetch", url)
    server.forget()

    rkt.ok("fetch", url)
    assert server.requests() == []


def test_an_unverified_image_is_not_what_a_verifying_fetch_gets_from_the_cache(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"})
    rkt.ok("--insecure-options=image", "fetch", url)
    server.put(SIGNATURE, b"none")
    server.forget()

    done = rkt("fetch", url)

    assert done.status == 254
    assert "no valid signatures found" in done.err


def test_a_download_goes_on_where_a_killed_one_ended(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"

    (request,) = server.requests(PATH)
    assert request["headers"]["range"] == "bytes=99999-"
    assert request["status"] == 206
    assert rkt.partials() == []


@pytest.mark.parametrize("ranges", ["no", "blind", "yes"])
def test_parts_of_two_versions_are_never_glued_together(
    rkt: Fetcher, url: str, server: Server, keys: Keys, tmp_path: Path, ranges: str
) -> None:
    from tests.support.images import build_aci

    _cut_and_killed(rkt, server, url, 100_000)
    other = build_aci(tmp_path / "other.aci", files={"/data": os.urandom(400_000)})
    server.put(PATH, other, ranges=ranges)
    server.put(SIGNATURE, keys.sign("key1", other))

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(other) + "\n"
    assert rkt.partials() == []


def test_a_server_without_ranges_sends_it_all_again(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    server.rule(PATH, ranges="no")

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(aci) + "\n"
    assert "cannot use cached partial download, range request unsupported." in done.err


def test_a_part_without_validator_or_of_another_boot_is_not_used(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    (validator,) = (rkt.data / "cas/download").glob("*/validator")
    said = json.loads(validator.read_text())
    validator.write_text(json.dumps(said | {"boot": "another"}))
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"
    assert "range" not in server.requests(PATH)[0]["headers"]


def test_a_complete_part_needs_one_byte(rkt: Fetcher, url: str, server: Server, aci: Path) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    (body,) = (rkt.data / "cas/download").glob("*/body")
    body.write_bytes(aci.read_bytes())
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"
    (request,) = server.requests(PATH)
    assert request["headers"]["range"] == f"bytes={aci.stat().st_size - 1}-"


def test_a_part_longer_than_the_file_begins_anew(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)
    (body,) = (rkt.data / "cas/download").glob("*/body")
    body.write_bytes(aci.read_bytes() + bytes(100))
    server.rule(PATH)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"


def test_a_connection_that_breaks_is_taken_up_again(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    server.rule(PATH, cut=100_000, cuts=2)

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(aci) + "\n"
    assert "example.com closed the connection too early, going on" in done.err
    assert len(server.requests(PATH)) == 3


def test_leftovers_go_with_image_gc_when_they_are_old(
    rkt: Fetcher, url: str, server: Server
) -> None:
    _cut_and_killed(rkt, server, url, 100_000)

    rkt.ok("image", "gc")
    assert len(rkt.partials()) == 3
    rkt.ok("image", "gc", "--grace-period=0s")
    assert rkt.partials() == []


def test_two_at_once_download_once(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"}, slow=0.5)
    command = rkt.argv("fetch", url)
    both = [
        subprocess.Popen(
            command,
            env=os.environ | rkt.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ends = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert rkt.partials() == []


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_a_length_is_taken_as_it_comes(
    rkt: Fetcher, url: str, server: Server, aci: Path, *, chunked: bool
) -> None:
    server.rule(PATH, chunked=chunked, validators=False)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"


def test_a_busy_server_is_asked_again(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, statuses=(503, 429), headers={"Retry-After": "0"})

    assert rkt("fetch", url).status == 0
    assert [one["status"] for one in server.requests(PATH)] == [503, 429, 200]


@pytest.mark.parametrize(("status", "hint"), [(404, "is the address right?"), (500, "")])
def test_a_status_that_is_no_answer_is_told(
    rkt: Fetcher, url: str, server: Server, status: int, hint: str
) -> None:
    server.rule(PATH, statuses=(status,) * 9)
    image = rkt("fetch", url)
    server.rule(PATH)
    server.rule(SIGNATURE, statuses=(status,) * 9)
    signature = rkt("fetch", url)

    assert f"fetch: error downloading ACI: bad HTTP status code: {status}" in image.err
    assert hint in image.err
    assert "error downloading the signature file: bad HTTP status code: " in signature.err


def test_a_deferred_signature_is_asked_for_again_after_the_image(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(SIGNATURE, after=PATH)

    done = rkt("fetch", url)

    assert done.status == 0
    assert "image: server requested deferring the signature download\n" in done.err
    assert [one["status"] for one in server.requests(SIGNATURE)] == [202, 200]


def test_a_signature_that_is_deferred_twice_is_an_error(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(SIGNATURE, after="/never")

    done = rkt("fetch", url)

    assert done.status == 254
    assert "error downloading the signature file: server asked to defer the download" in done.err
    assert rkt.images() == []


@pytest.mark.parametrize(
    ("kind", "credentials", "field"),
    [
        ("basic", BASIC, BASIC_FIELD),
        ("oauth", {"token": "sometoken"}, "Bearer sometoken"),
    ],
)
@pytest.mark.parametrize("system", [True, False])
def test_credentials_of_the_host_let_us_in(
    rkt: Fetcher,
    url: str,
    server: Server,
    kind: str,
    credentials: dict[str, str],
    field: str,
    *,
    system: bool,
) -> None:
    server.rule(PATH, authorization=field)
    without = rkt("fetch", url)
    rkt.configure("test.json", _auth(kind, credentials), system=system)

    assert "bad HTTP status code: 401 (give credentials for example.com in auth.d" in without.err
    assert rkt("fetch", url).status == 0
    assert field not in without.err


def test_the_hosts_credentials_win_over_the_vendors(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, authorization="Bearer good")
    rkt.configure("test.json", _auth("oauth", {"token": "bad"}), system=True)
    rkt.configure("test.json", _auth("oauth", {"token": "good"}))

    assert rkt("fetch", url).status == 0


def test_credentials_go_to_exactly_their_host_and_port(
    rkt: Fetcher, url: str, server: Server
) -> None:
    rkt.configure("test.json", _auth("basic", BASIC, "example.org", "example.com:8443"))

    rkt.ok("fetch", url)
    assert all("authorization" not in one["headers"] for one in server.requests())


def test_credentials_do_not_follow_to_another_host(rkt: Fetcher, url: str, server: Server) -> None:
    server.put("/moved.aci", server.root.joinpath(PATH[1:]).read_bytes())
    server.rule(PATH, redirect="https://cdn.example.com/moved.aci")
    rkt.configure("test.json", _auth("basic", BASIC, "example.com", "cdn.example.com"))

    rkt.ok("fetch", url)

    assert server.requests(PATH)[0]["headers"]["authorization"] == BASIC_FIELD
    assert "authorization" not in server.requests("/moved.aci")[0]["headers"]


def test_a_user_in_the_url_is_sent_and_not_stored(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, authorization=BASIC_FIELD)
    done = rkt("--debug", "fetch", url.replace("//", "//bar:baz@"))

    assert done.status == 0
    assert "baz@" not in done.err
    index = b"".join(p.read_bytes() for p in (rkt.data / "cas/db").iterdir())
    assert b"example.com/dir/app.aci" in index
    assert b"baz" not in index


def test_redirects_end_somewhere(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, redirect=url)

    done = rkt("fetch", url)

    assert "too many redirects from https://example.com/dir/app.aci" in done.err
    assert len(server.requests(PATH)) == 11


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://example.com/x.aci", "plain http, which anybody on the way can change"),
        ("file:///etc/passwd", "only http and https are supported"),
        ("ftp://example.com/x.aci", "only http and https are supported"),
    ],
)
def test_a_redirect_cannot_lead_out_of_https(
    rkt: Fetcher, url: str, server: Server, target: str, words: str
) -> None:
    server.rule(PATH, redirect=target)

    assert words in rkt("fetch", url).err


def test_caching_works_through_a_redirect(rkt: Fetcher, url: str, server: Server) -> None:
    server.put("/moved.aci", server.root.joinpath(PATH[1:]).read_bytes())
    server.rule(PATH, redirect="https://cdn.example.com/moved.aci")
    rkt.ok("fetch", url)
    server.forget()

    rkt.ok("fetch", url)
    assert [one["status"] for one in server.requests("/moved.aci")] == [304]


def test_a_certificate_nobody_vouches_for_is_refused(
    rkt: Fetcher, url: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = {"SSL_CERT_FILE": str(Authority(tmp_path / "other").file)}

    refused = rkt("fetch", url, env=other)
    waived = rkt("--insecure-options=tls", "fetch", url, env=other)

    assert "the certificate of example.com cannot be trusted: " in refused.err
    assert "name its authority's file in SSL_CERT_FILE" in refused.err
    assert waived.status == 0
    assert "image: warning: TLS verification has been disabled\n" in waived.err


def test_a_certificate_of_another_name_is_refused(rkt: Fetcher, url: str) -> None:
    done = rkt("fetch", url.replace("example.com", "localhost"))

    assert "the certificate of localhost cannot be trusted: hostname mismatch" in done.err.lower()


def test_plain_http_needs_a_word_unless_it_stays_on_this_machine(
    rkt: Fetcher, url: str, server: Server, tmp_path: Path
) -> None:
    with Server(tmp_path / "plain", 80) as plain:
        for path in (PATH, SIGNATURE):
            plain.put(path, server.root.joinpath(path[1:]))
        there = url.replace("https:", "http:")

        refused = rkt("fetch", there)
        assert "plain http, which anybody on the way can change" in refused.err
        assert "--insecure-options=http" in refused.err
        assert plain.requests() == []
        assert rkt("--insecure-options=http", "fetch", there).status == 0
        rkt.configure("test.json", _auth("basic", BASIC))
        assert rkt("fetch", there.replace("example.com", "localhost")).status == 0
        assert rkt("--insecure-options=http", "fetch", there).status == 0
        assert all("authorization" not in one["headers"] for one in plain.requests())


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_is_asked_first_and_its_trouble_is_told(rkt: Fetcher, url: str, name: str) -> None:
    proxied = rkt("fetch", url, env={name: "http://127.0.0.1:9"})
    excepted = rkt("fetch", url, env={name: "http://127.0.0.1:9", "NO_PROXY": "example.com"})

    assert "the proxy for example.com does not serve us" in proxied.err
    assert excepted.status == 0


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("https://example.com:9/a.aci", "cannot connect to example.com:9: connection refused"),
        ("https://nowhere.example.net/a.aci", "cannot find the host nowhere.example.net"),
        ("https://localhost:80/a.aci", "cannot connect to localhost:80"),
    ],
)
def test_a_server_that_is_not_there_is_told(rkt: Fetcher, url: str, where: str, words: str) -> None:
    done = rkt("--insecure-options=image", "fetch", where)

    assert (done.status, words in done.err) == (254, True), done.err


def test_a_signature_without_end_is_cut_off(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(SIGNATURE, endless=True)

    assert "is larger than 1048576 bytes" in rkt("fetch", url).err


def test_a_signature_of_something_else_leaves_nothing(
    rkt: Fetcher, url: str, server: Server, keys: Keys, aci: Path, tmp_path: Path
) -> None:
    (tmp_path / "else.aci").write_bytes(b"something else")
    server.put(SIGNATURE, keys.sign("key1", tmp_path / "else.aci"))

    done = rkt("fetch", url)

    assert "is not what key" in done.err
    assert (rkt.images(), rkt.partials()) == ([], [])


def test_progress_is_a_bar_on_a_terminal(rkt: Fetcher, url: str) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        rkt.argv("fetch", url),
        env={**os.environ, **rkt.environment, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:
        pass  # the last one has closed it
    os.close(ours)
    process.communicate()
    assert process.returncode == 0
    assert b"Downloading ACI" in shown
    assert b"\x1b[" in shown
    assert until(lambda: b"100" in shown or b"/" in shown, "size")
