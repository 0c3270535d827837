"""Getting signing keys and, after a look at them, trusting them."""

from __future__ import annotations

from urllib.parse import urlsplit

from rktpy.appc.types import ACIdentifier
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.files import read_bytes
from rktpy.image.means import ARRIVED, DOWNLOADING
from rktpy.image.trust import openpgp
from rktpy.log import Logger
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.host.http.client import Client
    from rktpy.image.means import Talk
    from rktpy.image.trust.keystore import Keystore

_logger = Logger("pubkey")


class KeyLocationError(RktError):
    """A key cannot be had from where it is said to be."""


class Taking(Value):
    """How keys are taken, and where they go: ``unseen`` without a question, ``unseen_https`` only
    those from https; ``plain`` allows http.
    """

    keystore: Keystore
    client: Client
    talk: Talk
    unseen: bool = False
    unseen_https: bool = False
    plain: bool = False


def add_keys(how: Taking, locations: Iterable[str], prefix: str) -> None:
    """Trust the keys at ``locations`` for images below ``prefix``, "" for all, if accepted.

    What becomes of each is told; a key that is declined is passed over.

    Raises:
        RktError: one cannot be had, is unusable, or there is nobody to review it; the keys
            before it are stored.
    """
    below = ACIdentifier(prefix) if prefix else None
    for location in locations:
        key = openpgp.read_key(_content(location, how))
        if key.problem:
            raise openpgp.KeyFileError(
                f"key at {quote(location)} is no use: {key.problem}",
                hint="ask its owner for the current one",
            )
        unseen = how.unseen or (how.unseen_https and location.startswith("https://"))
        if not how.talk.review(key, prefix, location, unseen=unseen):
            _logger.warning("not trusting %s", quote(location))
            continue
        what = f"{quote(location)} for prefix {quote(prefix)}"
        how.talk.tell(f"Trusting {what} {'without' if unseen else 'after'} fingerprint review.")
        if below is None:
            how.talk.tell(f"Added root key at {quote(how.keystore.add_root(key))}")
        else:
            path = how.keystore.add_prefix(below, key)
            how.talk.tell(f"Added key for prefix {quote(prefix)} at {quote(path)}")


def _content(location: str, how: Taking) -> bytes:
    scheme = urlsplit(location).scheme.lower()
    if not scheme:
        try:
            return read_bytes(location, limit=openpgp.LIMIT)
        except ValueError:
            raise KeyLocationError(f"{location} is too large for a key") from None
    if scheme == "http" and not how.plain:
        raise KeyLocationError(
            "--insecure-allow-http required for http URLs",
            hint=f"is there no https for {location}?",
        )
    if scheme not in ("http", "https"):
        raise KeyLocationError("only local files and http or https URLs supported")
    with how.talk.board(location) as board, how.client.request(location, plain=how.plain) as answer:
        if answer.status != 200:
            raise KeyLocationError(
                f"bad HTTP status code: {answer.status}", hint=f"is the key at {location}?"
            )
        gauge = board.gauge("key", None)
        gauge.state(DOWNLOADING)
        content = answer.body(openpgp.LIMIT)
        gauge.advance(len(content))
        gauge.state(ARRIVED)
        return content
