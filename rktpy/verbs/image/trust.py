"""``trust``: keys that may sign images, for a prefix of names or for all."""

from __future__ import annotations

from urllib.parse import urlsplit

from rktpy.errors import RktError
from rktpy.host.http.client import Client
from rktpy.image import discovery
from rktpy.image.trust.adding import Taking, add_keys
from rktpy.image.trust.keystore import Keystore
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.verbs.site import Site


class TrustError(RktError):
    """Keys cannot be trusted."""


class TrustRequest(Value):
    """``prefix`` "" with ``root``; no ``locations``: keys are looked for at the prefix."""

    prefix: str = ""
    root: bool = False
    locations: tuple[str, ...] = ()
    insecure_allow_http: bool = False
    skip_fingerprint_review: bool = False


def trust_keys(site: Site, request: TrustRequest) -> None:
    """Store the keys that are accepted, below the host's configuration directory.

    Raises:
        TrustError: the request makes no sense, or a key cannot be had; the cause says why.
    """
    if request.root and request.prefix:
        raise TrustError("--root and --prefix usage mutually exclusive")
    if site.insecure.image:
        raise TrustError(
            "could not get the keystore", hint="leave --insecure-options=image out: no keys count"
        )
    scheme = urlsplit(request.prefix).scheme
    if scheme:
        raise TrustError(f"--prefix must not contain a URL scheme, omit {scheme}://")
    plain = request.insecure_allow_http
    with Client(verify_tls=not site.insecure.tls) as client:
        try:
            asker = discovery.Asker(client, plain=plain or site.insecure.http)
            locations = request.locations or _discovered(asker, request.prefix)
        except RktError as error:
            raise TrustError("error determining key location") from error
        try:
            how = Taking(
                Keystore((site.system_config, site.local_config)),
                client,
                site.talk,
                unseen=request.skip_fingerprint_review,
                unseen_https=site.trust_keys_from_https,
                plain=plain,
            )
            add_keys(how, locations, request.prefix)
        except (RktError, OSError) as error:
            raise TrustError("error adding keys") from error


def _discovered(asker: discovery.Asker, prefix: str) -> tuple[str, ...]:
    if not prefix:
        raise TrustError("empty prefix", hint="name the key's file, or a prefix")
    try:
        return discovery.find_keys(asker, prefix)
    except discovery.DiscoveryError as error:
        reason = f": {error.__cause__}" if error.__cause__ else ""
        raise TrustError(
            f"meta discovery on {prefix} resulted in no keys{reason}",
            hint="name the key's file or URL",
        ) from None
