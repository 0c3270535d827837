"""What fetching may use and whom it talks to; made by a verb, handed down the room."""

from __future__ import annotations

from rktpy.resource import Resource
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Protocol, Self

    from rktpy.config.credentials import AWSAuth, BasicAuth, OAuth
    from rktpy.image.trust.openpgp import PublicKey

    Credentials = Mapping[str, BasicAuth | OAuth | AWSAuth]  # by host[:port]

    class Fences(Protocol):
        """The words of ``--insecure-options`` that matter here."""

        @property
        def image(self) -> bool: ...

        @property
        def tls(self) -> bool: ...

        @property
        def http(self) -> bool: ...

        @property
        def pubkey(self) -> bool: ...

    class Gauge(Protocol):
        """Shows how far one transfer is. For one thread at a time, and never for a process that
        was forked from the one that made it.
        """

        def advance(self, count: int) -> None:
            """``count`` more bytes are here; fewer than 0: so many are thrown away."""

        def measure(self, done: int, total: int | None) -> None:
            """``done`` of ``total`` bytes are here, None if nobody knows how many there are."""

        def state(self, word: str) -> None:
            """It is ``WAITING``, as a new one is, or another of the words of this module."""

    class Board(Protocol):
        """Shows some transfers side by side, and all of them together. A context manager."""

        def gauge(self, what: str, total: int | None) -> Gauge:
            """Show one more transfer, a digest or a name, of ``total`` bytes."""

        def close(self) -> None:
            """Show nothing more of it. Twice is fine."""

        def __enter__(self) -> Self: ...

        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None: ...

    class Talk(Protocol):
        """The person at the terminal, if there is one."""

        def board(self, what: str) -> Board:
            """Show from now on how the transfers for the image ``what`` get on."""

        def tell(self, text: str) -> None:
            """Say that something was done."""

        def review(self, key: PublicKey, prefix: str, location: str, *, unseen: bool) -> bool:
            """Show ``key`` and ask whether to trust it for images below ``prefix``, "" for all.

            ``unseen``: it is trusted already, do not ask.

            Raises:
                RktError: there is nobody to ask.
            """


# States of a transfer, in any order, until it comes to one of the ends.
WAITING = "waiting"
DOWNLOADING = "downloading"
EXTRACTING = "extracting"
STORING = "storing"
VERIFIED = "verified"
STORED = "stored"
PRESENT = "already there"
ARRIVED = "arrived"
ENDS = (VERIFIED, STORED, PRESENT, ARRIVED)


class Nobody:
    """A ``Talk`` with no one: nothing is shown, and no key is accepted."""

    def board(self, _what: str) -> Board:
        return Unseen()

    def tell(self, text: str) -> None:
        pass

    def review(self, _key: PublicKey, _prefix: str, _location: str, *, unseen: bool) -> bool:
        return unseen


class Unseen(Resource):
    """A board that nobody looks at, and its gauges."""

    __slots__ = ()

    def gauge(self, _what: str, _total: int | None) -> Gauge:
        return self

    def advance(self, count: int) -> None:
        pass

    def measure(self, done: int, total: int | None) -> None:
        pass

    def state(self, word: str) -> None:
        pass

    def close(self) -> None:
        pass


class Means(Value):
    """How images are fetched.

    ``policy`` is ``never``, ``update`` or, for any other word, ``new``. ``keys`` are the two
    directories of trusted keys, the vendor's and the host's. ``credentials``, ``logins`` to
    registries, and ``rules`` for their images (``config.acceptance``) read the configuration when
    they are called. ``platform`` is
    ``OS/ARCHITECTURE[/VARIANT]`` as registries say it, "" for this host's.
    """

    policy: str
    insecure: Fences
    keys: tuple[str, str]
    credentials: Callable[[], Credentials]
    talk: Talk
    logins: Callable[[], Mapping[str, BasicAuth]]
    rules: Callable[[], Mapping[str, str]]
    trust_keys_from_https: bool = False
    platform: str = ""
