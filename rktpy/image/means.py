"""What fetching may use and whom it talks to; made by a verb, handed down the room."""

from __future__ import annotations

from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

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
        """Shows how far one transfer is. Sizes are bytes."""

        def advance(self, count: int) -> None: ...

        def close(self) -> None: ...

    class Talk(Protocol):
        """The person at the terminal, if there is one."""

        def gauge(self, what: str, done: int, total: int | None) -> Gauge:
            """Show a transfer of ``total`` bytes of which ``done`` are here already."""

        def tell(self, text: str) -> None:
            """Say that something was done."""

        def review(self, key: PublicKey, prefix: str, location: str, *, unseen: bool) -> bool:
            """Show ``key`` and ask whether to trust it for images below ``prefix``, "" for all.

            ``unseen``: it is trusted already, do not ask.

            Raises:
                RktError: there is nobody to ask.
            """


class Nobody:
    """A ``Talk`` with no one: nothing is shown, and no key is accepted."""

    def gauge(self, _what: str, _done: int, _total: int | None) -> Gauge:
        return _Unread()

    def tell(self, text: str) -> None:
        pass

    def review(self, _key: PublicKey, _prefix: str, _location: str, *, unseen: bool) -> bool:
        return unseen


class _Unread:
    def advance(self, count: int) -> None:
        pass

    def close(self) -> None:
        pass


class Means(Value):
    """How images are fetched.

    ``policy`` is ``never``, ``update`` or, for any other word, ``new``. ``keys`` are the two
    directories of trusted keys, the vendor's and the host's. ``credentials``, and ``logins`` to
    registries, read the configuration when they are first called. ``platform`` is
    ``OS/ARCHITECTURE[/VARIANT]`` as registries say it, "" for this host's.
    """

    policy: str
    insecure: Fences
    keys: tuple[str, str]
    credentials: Callable[[], Credentials]
    talk: Talk
    logins: Callable[[], Mapping[str, BasicAuth]]
    trust_keys_from_https: bool = False
    platform: str = ""
