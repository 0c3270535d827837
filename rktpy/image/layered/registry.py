"""A registry as the distribution specification has it: manifests, blobs, and being let in.

https is asked first; plain http only where that was allowed, or on this machine. Credentials go
out after the registry has asked for them, over http as well where it speaks nothing else: to it,
to its own host for a token, or to whom it names if that is https.
"""

from __future__ import annotations

import threading
from urllib.parse import urlencode, urlsplit

from rktpy import codec
from rktpy.codec import quote
from rktpy.host.http.client import Client, is_loopback, refuses_tls, without_user
from rktpy.host.http.errors import HttpError
from rktpy.image.layered.blobs import checked, new_hash
from rktpy.image.layered.challenges import parse_challenges
from rktpy.image.layered.documents import (
    INDEXES,
    MANIFEST_LIMIT,
    MANIFESTS,
    Descriptor,
    LayeredImageError,
    parse_object,
)
from rktpy.image.layered.names import is_digest
from rktpy.log import Logger
from rktpy.resource import Resource
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rktpy.config.credentials import BasicAuth
    from rktpy.host.http.client import Response
    from rktpy.image.layered.challenges import Challenge
    from rktpy.image.layered.keeping import Kept
    from rktpy.image.layered.names import RegistryName

_PIECE = 1 << 18
_PROBE = 5.0  # seconds
_TRIES = 4  # a connection that breaks is taken up again
_SMALL = 1 << 20  # bytes of an answer to a question
_logger = Logger("image")


class RegistryError(LayeredImageError):
    """The registry does not give the image."""


class Access(Value):
    """How to talk to registries: ``plain`` allows http, ``tls`` checks certificates."""

    plain: bool
    tls: bool
    login: BasicAuth | None


class Registry(Resource):
    """One repository of a registry. Blobs may be asked for by several threads.

    What has arrived of large ones is kept in ``downloads``, which must be there then.
    """

    __slots__ = (
        "_access", "_answers", "_base", "_client", "_downloads", "_header", "_lock", "_name",
    )  # fmt: skip

    def __init__(self, name: RegistryName, access: Access, downloads: str) -> None:
        self._name = name
        self._downloads = downloads
        self._access = access
        self._client = Client(verify_tls=access.tls)
        self._base = f"https://{name.registry}/v2/{name.repository}"
        self._answers = False  # where we ask; who has spoken https is not asked over http
        self._header = ""
        self._lock = threading.Lock()

    def manifest(self, reference: str) -> tuple[bytes, str, str]:
        """Return a manifest or index by tag or digest: its bytes, its digest, its media type.

        Raises:
            RegistryError: it is not there, or we are not let in.
            LayeredImageError: it does not have its digest.
            HttpError: the registry cannot be reached.
        """
        fields = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
        path = f"/manifests/{reference}"
        if self._access.plain and not self._answers and refuses_tls(self._name.registry, _PROBE):
            self._base = "http" + self._base.removeprefix("https")
        try:
            answer = self._get(path, fields)
        except HttpError:
            if self._answers or not self._access.plain or self._base.startswith("http:"):
                raise
            self._base = "http" + self._base.removeprefix("https")
            answer = self._get(path, fields)
        with answer:
            content = answer.body(MANIFEST_LIMIT)
            said = answer.headers.get("Docker-Content-Digest", "")
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        expected = reference if is_digest(reference) else said
        found = new_hash(expected if is_digest(expected) else "sha256:")
        found.update(content)
        digest = f"{found.name}:{found.hexdigest()}"
        if is_digest(expected) and expected != digest:
            raise LayeredImageError(f"{expected} has the digest {digest}")
        return content, digest, media_type

    def stream(self, blob: Descriptor) -> Iterator[bytes]:
        """Download a blob, from where an earlier try was left; see ``blobs.Blobs``."""
        from rktpy.image.layered.keeping import keep  # not for a manifest, which is all most need

        with keep(self._downloads, f"{self._base}/blobs/{blob.digest}", blob) as kept:
            try:
                yield from checked(self._receive(blob, kept), blob)
            except RegistryError:
                raise  # it does not give the rest now
            except LayeredImageError:
                kept.discard()
                raise
            kept.discard()

    def rest(self) -> None:
        """See ``blobs.Blobs``."""
        self._client.close()

    def close(self) -> None:
        self._client.close()

    def _receive(self, blob: Descriptor, kept: Kept) -> Iterator[bytes]:
        """Yield the blob. A connection that breaks is taken up where it was."""
        done = 0
        for piece in kept.pieces():
            done += len(piece)
            yield piece
        for remaining in reversed(range(_TRIES)):
            before = done
            if done == blob.size:
                return  # there is no such range
            try:
                with self._from(f"/blobs/{blob.digest}", done) as answer:
                    known = done if answer.status != 206 else 0  # the whole of it once more
                    while piece := answer.read(_PIECE):
                        fresh = piece[known:] if known else piece
                        known = max(0, known - len(piece))
                        if fresh:
                            done += len(fresh)
                            kept.add(fresh)
                            yield fresh
                return
            except HttpError as error:
                if not error.passing or not remaining or done <= before:
                    raise
                _logger.warning("%s, going on", error.message)

    def _from(self, path: str, start: int) -> Response:
        """Return an answer with what is at ``path``, from the byte ``start`` on if possible."""
        if not start:
            return self._get(path, {})
        answer = self._get(path, {"Range": f"bytes={start}-"}, good=(200, 206, 416))
        if answer.status != 416:
            return answer
        answer.close()
        return self._get(path, {})

    def _get(
        self, path: str, fields: Mapping[str, str], good: tuple[int, ...] = (200, 206)
    ) -> Response:
        """Return a good answer, after saying who we are if that is asked for."""
        stale = self._header
        answer = self._ask(path, fields)
        if answer.status == 401:
            header = answer.headers.get("WWW-Authenticate", "")
            answer.close()
            with self._lock:
                if self._header == stale:  # else another thread was first
                    self._header = self._answer_to(header)
            answer = self._ask(path, fields)
        if answer.status in good:
            return answer
        with answer:
            raise self._refusal(answer)

    def _ask(self, path: str, fields: Mapping[str, str]) -> Response:
        answer = self._client.request(
            self._base + path,
            headers=fields,
            authorize=lambda _method, _url: {"Authorization": self._header} if self._header else {},
            plain=self._access.plain,
            in_clear=True,  # there only if it speaks nothing else, and that was allowed
        )
        self._answers = True
        return answer

    def _answer_to(self, header: str) -> str:
        """Return what to send as ``Authorization`` to a registry that answered with ``header``."""
        challenges = {one.scheme: one for one in parse_challenges(header)}
        if "bearer" in challenges:
            return "Bearer " + self._token(challenges["bearer"])
        if "basic" in challenges and self._access.login is not None:
            self._warn_of_clear()
            return self._access.login.header()
        host = self._name.registry
        raise RegistryError(
            f"{host} wants to know who asks",
            hint=f"give credentials for {host} in auth.d (dockerAuth) or with: docker login {host}",
        )

    def _token(self, challenge: Challenge) -> str:
        realm = challenge.parameter("realm")
        if not realm:
            raise RegistryError("missing realm in bearer auth challenge")
        scope = challenge.parameter("scope") or f"repository:{self._name.repository}:pull"
        query = {"service": challenge.parameter("service"), "scope": scope}
        query = {key: value for key, value in query.items() if value}
        login = self._access.login if self._may_know(realm) else None
        if login is not None:
            self._warn_of_clear()
        url = realm + ("&" if "?" in realm else "?") + urlencode(query)
        with self._client.request(
            url,
            authorize=lambda _method, _url: {"Authorization": login.header()} if login else {},
            plain=self._access.plain,
            in_clear=True,
        ) as answer:
            if answer.status != 200:
                hint = f"are the credentials for {self._name.registry} right?"
                if login is None and self._access.login is not None:
                    hint = f"credentials are not sent to {quote(realm)}, which is plain http"
                raise RegistryError(
                    f"unable to retrieve auth token: status {answer.status}", hint=hint
                )
            fields = parse_object(answer.body(_SMALL), "the token")
        token = fields.get("token") or fields.get("access_token")
        if not isinstance(token, str) or not token.isprintable() or not token.isascii():
            raise RegistryError("the answer to the question for a token has none")
        return token

    def _may_know(self, realm: str) -> bool:
        """Return whether ``realm``, a URL, may be told our credentials.

        Over https docker trusts the registry to name whom it likes. In clear it is no other host
        than the one that would have got them itself; and one that speaks https has no reason.
        """
        there, here = urlsplit(without_user(realm)), urlsplit(self._base)
        return there.scheme == "https" or (here.scheme, here.hostname) == ("http", there.hostname)

    def _warn_of_clear(self) -> None:
        if self._base.startswith("http:") and not is_loopback(self._base):
            _logger.warning(
                "warning: credentials for %s are sent over plain http, which anybody on the way"
                " can read",
                self._name.registry,
            )

    def _refusal(self, answer: Response) -> RegistryError:
        """Return the registry's own words, if it has any."""
        hints = {
            401: f"are the credentials for {self._name.registry} right?",
            403: f"the credentials for {self._name.registry} do not suffice",
            404: "are repository and tag right?",
            429: "too many requests: log in, or try again later",
        }
        hint = hints.get(answer.status)
        if answer.status >= 500:
            hint = "the server has trouble: try again later"
        words = ""
        try:
            errors = codec.parse(answer.body(_SMALL)).get("errors")
            first = errors[0]
            words = f": {first['code']}: {quote(str(first.get('message', '')))}"
        except (HttpError, codec.CodecError, AttributeError, LookupError, TypeError):
            pass  # not JSON, or not as the specification has it
        return RegistryError(f"{answer.url}: HTTP status {answer.status}{words}", hint=hint)
