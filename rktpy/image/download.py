"""One image file over HTTP, resumed where an earlier try ended, and how long the answer holds.

Its bytes are kept in a file for another time, and handed on as they come: who imports it need not
wait for the last one.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.http.errors import HttpError
from rktpy.image.means import ARRIVED, DOWNLOADING
from rktpy.image.partial import Validator
from rktpy.log import Logger
from rktpy.resource import Resource
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rktpy.host.http.client import Authorize, Client, Response
    from rktpy.image.means import Gauge
    from rktpy.image.partial import Partial

LIMIT = 64 << 30  # bytes of an image as served
SIGNATURE_LIMIT = 1 << 20
_PIECE = 1 << 18
_HANDED = 1 << 17  # bytes at least that are handed on at once: TLS brings 16 KiB at a time
_DIGITS = 18  # of a number; Python reads no number of any length
_TRIES = 4  # a connection that breaks is taken up again
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]+/(?:[0-9]+|\*)")
_logger = Logger("image")


class DownloadError(RktError):
    """A server gave something else than the file; ``status`` is its word, 0 if it is not that."""

    def __init__(self, message: str, *, hint: str | None = None, status: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class Source(Value):
    """Whom to ask for what, and what to show for it."""

    client: Client
    url: str
    authorize: Authorize | None = None
    plain: bool = False


class Answer(Value):
    """What a server said of a file. ``fresh``: it is the one we know; nothing was downloaded."""

    fresh: bool
    etag: str
    max_age: int  # seconds


class StartedOverError(RktError):
    """The server has another file now than the one whose beginning was handed out."""


class Download(Resource):
    """A file on its way into ``partial``, where its bytes are kept, and to whom it may concern.

    Ask ``begin`` first, then ``pieces``. Used once.
    """

    __slots__ = ("_answer", "_gauge", "_partial", "_source")

    def __init__(self, source: Source, partial: Partial, gauge: Gauge) -> None:
        self._source = source
        self._partial = partial
        self._gauge = gauge
        self._answer: Response | None = None

    def begin(self, etag: str = "") -> Answer:
        """Ask the server, and return what it says; ``etag`` is that of the file we know.

        Raises:
            DownloadError: another status than success.
            HttpError: the server cannot be reached.
            OSError: the disk is full.
        """
        answer = self._answer = _ask(self._source, self._partial, etag)
        return Answer(
            answer.status == 304,
            answer.headers.get("ETag", ""),
            max_age(answer.headers.get("Cache-Control", "")),
        )

    def pieces(self) -> Iterator[bytes]:
        """Yield the file from its first byte, that of an earlier try included.

        ``partial`` has every byte before it is yielded, and is complete at the end.

        Raises, while iterating:
            StartedOverError: what was yielded is worth nothing, ask anew.
            DownloadError: more bytes than an image may have, or others than before.
            HttpError: the connection keeps breaking.
            OSError: the disk is full.
        """
        handed = 0
        for remaining in reversed(range(_TRIES)):
            before = self._partial.size
            try:
                with self._answer or _ask(self._source, self._partial, "") as answer:
                    self._answer = None
                    if handed and answer.status != 206:
                        raise StartedOverError(f"{answer.url} is another file now")
                    for piece in self._received(answer, handed):
                        handed += len(piece)
                        yield piece
                return
            except HttpError as error:
                # Only what got further may go on: anything else would end in a circle.
                if not error.passing or not remaining or self._partial.size <= before:
                    raise
                _logger.warning("%s, going on", error.message)

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()

    def _received(self, answer: Response, handed: int) -> Iterator[bytes]:
        """Write what arrives, and yield the file from the byte ``handed`` on, in large pieces."""
        position = _starting_point(answer, self._partial)
        self._expect(answer, position)
        yield from self._kept(handed, position)
        again = max(handed - position, 0)  # bytes of what comes that were handed out before
        waiting = bytearray()
        while piece := answer.read(_PIECE):
            if again and os.pread(self._partial.fd, again, position) != piece[:again]:
                # One thing would be unpacked and another one verified.
                raise DownloadError(f"{quote(answer.url)}: the server sent other bytes than before")
            self._write(piece, position)
            position += len(piece)
            if position > LIMIT:
                raise _too_large(answer)
            self._gauge.advance(len(piece))
            waiting += piece[again:] if again else piece
            again = 0
            if len(waiting) >= _HANDED:
                yield bytes(waiting)
                waiting.clear()
        if waiting:
            yield bytes(waiting)

    def _expect(self, answer: Response, position: int) -> None:
        length = number(answer.headers.get("Content-Length", ""))
        total = None if length is None else position + length
        if total is not None and total > LIMIT:
            raise _too_large(answer)
        self._gauge.measure(position, total)
        self._gauge.state(DOWNLOADING)

    def _kept(self, start: int, end: int) -> Iterator[bytes]:
        """Yield what is there already from ``start`` to ``end``."""
        while start < end and (
            piece := os.pread(self._partial.fd, min(_PIECE, end - start), start)
        ):
            start += len(piece)
            yield piece

    def _write(self, piece: bytes, position: int) -> None:
        view = memoryview(piece)
        while view:
            count = os.pwrite(self._partial.fd, view, position)
            view = view[count:]
            position += count


def fetch_small(source: Source, gauge: Gauge) -> bytes | None:
    """Return a signature; None if the server says (202) that it comes later.

    Raises:
        DownloadError: another status than success.
        HttpError: the server cannot be reached, or sends too much.
    """
    with source.client.request(
        source.url, authorize=source.authorize, plain=source.plain
    ) as answer:
        if answer.status == 202:
            return None
        if answer.status != 200:
            raise bad_status(answer.status, source.url)
        gauge.state(DOWNLOADING)
        content = answer.body(SIGNATURE_LIMIT)
        gauge.advance(len(content))
        gauge.state(ARRIVED)
        return content


def bad_status(status: int, url: str) -> DownloadError:
    """Return rkt's error for an answer that is none, with what to do about it."""
    host = urlsplit(url).netloc
    hints = {
        401: f"give credentials for {host} in auth.d, see: rktpy config",
        403: f"the credentials for {host} in auth.d do not suffice",
        404: "is the address right?",
        429: "too many requests: try again later",
    }
    hint = hints.get(status) or (
        "the server has trouble: try again later" if status >= 500 else None
    )
    return DownloadError(f"bad HTTP status code: {status}", hint=hint, status=status)


def max_age(header: str) -> int:
    """Return for how many seconds a ``Cache-Control`` header lets an answer be used again."""
    found = 0
    for directive in header.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in ("no-store", "no-cache"):
            return 0
        if name == "max-age":
            found = number(value.strip('"')) or 0
    return min(found, 1 << 31)


def number(text: str) -> int | None:
    """Return the number a server wrote, None if it is none; beyond any size one that is as well."""
    if not (text.isascii() and text.isdecimal()):
        return None
    return int(text) if len(text) <= _DIGITS else 10**_DIGITS


def _ask(source: Source, partial: Partial, etag: str) -> Response:
    """Ask for the rest of the file, or all of it."""
    fields = {"If-None-Match": etag} if etag else {}
    known = partial.validator()
    if partial.size and known.condition:
        # The last byte again, so that a complete file is not a range beyond the end (416).
        rest = {"Range": f"bytes={partial.size - 1}-", "If-Range": known.condition}
        answer = _request(source, fields | rest)
        # Not every server looks at If-Range, so its own words are compared as well.
        if answer.status != 416 and not (answer.status == 206 and _validator(answer) != known):
            return _checked(answer, etag)
        answer.close()
        partial.restart(Validator())
    return _checked(_request(source, fields), etag)


def _checked(answer: Response, etag: str) -> Response:
    if answer.status in (200, 206) or (answer.status == 304 and etag):
        return answer
    answer.close()
    raise bad_status(answer.status, answer.url)


def _validator(answer: Response) -> Validator:
    return Validator(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))


def _request(source: Source, fields: Mapping[str, str]) -> Response:
    return source.client.request(
        source.url, headers=fields, authorize=source.authorize, plain=source.plain
    )


def _starting_point(answer: Response, partial: Partial) -> int:
    """Return where in the file the body of ``answer`` belongs; a whole file starts anew."""
    if answer.status == 206:
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != partial.size - 1:
            raise DownloadError(f"{quote(answer.url)}: the server sent another range than asked")
        return int(match[1])
    if partial.size:
        can = answer.headers.get("Accept-Ranges", "") == "bytes"
        reason = "resource updated" if can else "range request unsupported"
        _logger.warning("cannot use cached partial download, %s.", reason)
    partial.restart(_validator(answer))
    return 0


def _too_large(answer: Response) -> DownloadError:
    return DownloadError(f"{answer.url} is larger than {LIMIT} bytes")
