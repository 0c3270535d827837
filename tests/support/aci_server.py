"""An https (or http) file server with the habits of good and bad ones, in a process of its own.

``python -m tests.support.aci_server ROOT PORT [CERT]`` serves ``ROOT``; how a path is answered
stands in ``ROOT/rules.json`` (path → ``Rule``), read anew for each request. Every request is
a line of JSON in ``ROOT/requests``. Used through ``Server``.
"""

from __future__ import annotations

import email.utils
import hashlib
import json
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support import command

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Rule:
    """How one path is answered; by default with its file, an ETag, a date, and ranges.

    ``statuses`` are the first answers; ``after`` is a path that must have been served whole
    before this one is (202 until then). ``cut`` ends the body after so many bytes, for the
    first ``cuts`` requests. ``ranges`` is ``yes``, ``no`` or ``blind``: without a look at If-Range.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = ()
    redirect: str = ""
    after: str = ""
    authorization: str = ""
    cut: int = 0
    cuts: int = 1
    ranges: str = "yes"
    shifted: int = 0  # bytes by which a range begins later than was asked for
    validators: bool = True
    chunked: bool = False
    endless: bool = False
    claims: int = 0  # what Content-Length says, if not the truth
    hangs: bool = False  # after the cut, instead of ending
    slow: float = 0.0  # seconds before the body


class Authority:
    """A private certificate authority; ``file`` is what clients trust."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.file = self._make("ca", "/CN=Test authority", "basicConstraints=critical,CA:TRUE")

    def certify(self, *names: str) -> Path:
        """Return a file with key and certificate of a server called ``names``."""
        alternatives = ",".join(f"{'IP' if n[0].isdigit() else 'DNS'}:{n}" for n in names)
        issuer = ("-CA", str(self.file), "-CAkey", str(self.file))
        return self._make(names[0], f"/CN={names[0]}", f"subjectAltName={alternatives}", *issuer)

    def _make(self, name: str, subject: str, extension: str, *issuer: str) -> Path:
        key, certificate = self._directory / f"{name}.key", self._directory / f"{name}.crt"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        what = ("-subj", subject, "-addext", extension, "-days", "2")
        files = ("-keyout", str(key), "-out", str(certificate))
        command.run(["openssl", "req", "-x509", *curve, *what, *issuer, *files])
        both = self._directory / f"{name}.pem"
        both.write_bytes(key.read_bytes() + certificate.read_bytes())
        return both


class Server:
    """A running server of the directory ``root``; leaving the ``with`` block ends it."""

    def __init__(self, root: Path, port: int, certificate: Path | None = None) -> None:
        self.root = root
        self._rules: dict[str, Rule] = {}
        root.mkdir(exist_ok=True)
        (root / "rules.json").write_text("{}")
        self._words = [str(root), str(port), *([str(certificate)] if certificate else [])]

    def put(self, path: str, content: bytes | str | Path = b"", **rule: Any) -> None:
        """Serve ``content`` at ``path``; ``rule`` are fields of ``Rule``."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        data = content.read_bytes() if isinstance(content, Path) else content
        file.write_bytes(data.encode() if isinstance(data, str) else data)
        self.rule(path, **rule)

    def rule(self, path: str, **rule: Any) -> None:
        """Answer ``path`` so from now on."""
        self._rules[path] = Rule(**rule)
        text = json.dumps({where: asdict(what) for where, what in self._rules.items()})
        aside = self.root / "rules.new"
        aside.write_text(text)
        aside.rename(self.root / "rules.json")

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        """Return what was asked for at ``path``, or at all, in order."""
        try:
            lines = (self.root / "requests").read_text().splitlines()
        except FileNotFoundError:
            return []
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [one for one in found if path in ("", one["path"])]

    def forget(self) -> None:
        """Begin a new list of requests."""
        (self.root / "requests").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.aci_server", *self._words],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path
    seen: dict[str, int]  # path → requests so far
    served: set[str]  # paths that were sent whole

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        path = self.path.partition("?")[0]
        path = "/index" if path == "/" else path
        rule = Rule(**json.loads((self.root / "rules.json").read_text()).get(path, {}))
        number = self.seen[path] = self.seen.get(path, 0) + 1
        status = self._status(rule, path, number)
        entry = {
            "path": path,
            "query": self.path.partition("?")[2],
            "method": self.command,
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }
        self._entry = entry
        if rule.redirect and status == 302:
            self._answer(302, b"", {"Location": rule.redirect})
        elif status != 200:
            self._answer(status, b"no", dict(rule.headers))
        else:
            self._file(rule, path, number)

    def _status(self, rule: Rule, path: str, number: int) -> int:
        if rule.authorization and self.headers.get("Authorization") != rule.authorization:
            return 401
        if number <= len(rule.statuses):
            return rule.statuses[number - 1]
        if rule.after and rule.after not in self.served:
            return 202
        if rule.redirect:
            return 302
        return 200 if rule.endless or (self.root / path.lstrip("/")).is_file() else 404

    def _file(self, rule: Rule, path: str, number: int) -> None:
        if rule.endless:
            self._endless()
            return
        file = self.root / path.lstrip("/")
        data = file.read_bytes()
        etag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
        date = email.utils.formatdate(file.stat().st_mtime, usegmt=True)
        headers = dict(rule.headers)
        if rule.validators:
            headers = {"ETag": etag, "Last-Modified": date} | headers
        if rule.validators and self.headers.get("If-None-Match") == headers["ETag"]:
            self._answer(304, b"", headers)
            return
        status, first = 200, 0
        asked = self.headers.get("Range", "")
        if rule.ranges != "no":
            headers["Accept-Ranges"] = "bytes"
            valid = self.headers.get("If-Range") in (None, headers.get("ETag"), date)
            if asked and (valid or rule.ranges == "blind"):
                status, first = 206, int(asked.removeprefix("bytes=").rstrip("-"))
                first += rule.shifted
                if first >= len(data):
                    self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                    return
                headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        body = data[first:]
        time.sleep(rule.slow)
        if rule.cut and number <= rule.cuts:
            self._answer(status, body, headers, send=rule.cut, claims=rule.claims)
            self.close_connection = True
            if rule.hangs:
                time.sleep(3600)  # in a thread that dies with us
            return
        self._answer(status, body, headers, chunked=rule.chunked, claims=rule.claims)
        self.served.add(path)

    def _answer(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str],
        *,
        send: int | None = None,
        chunked: bool = False,
        claims: int = 0,
    ) -> None:
        self._log(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in _pieces(body)) + b"0\r\n\r\n"
        elif status != 304:
            self.send_header("Content-Length", str(claims or len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(body[:send])
            self.wfile.flush()

    def _log(self, status: int) -> None:
        with (self.root / "requests").open("a") as log:
            log.write(json.dumps(self._entry | {"status": status}) + "\n")

    def _endless(self) -> None:
        self._log(200)
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            return


def _pieces(body: bytes, size: int = 1000) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, certificate: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._context is not None:
            self._context.load_cert_chain(certificate)

    def finish_request(self, request: Any, address: Any) -> None:
        """Shake hands in the thread of the connection, so that a silent client blocks nobody."""
        try:
            if self._context is not None:
                request = self._context.wrap_socket(request, server_side=True)
            super().finish_request(request, address)
            if self._context is not None:
                request.unwrap()
        except OSError:
            request.close()


def main(root: str, port: str, certificate: str = "") -> None:
    """Serve until killed."""
    _Handler.root, _Handler.seen, _Handler.served = Path(root), {}, set()
    with _Listener(int(port), certificate) as listener:
        listener.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        listener.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
