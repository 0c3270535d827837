"""Amazon's signature, version 4, for requests without a body to S3."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import parse_qsl, quote, urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.config.credentials import AWSAuth

_SERVICE = "s3"
_EMPTY = hashlib.sha256(b"").hexdigest()


def sign(auth: AWSAuth, method: str, url: str, *, now: float | None = None) -> dict[str, str]:
    """Return the header fields that let a request for ``url`` in; ``now`` is for tests."""
    parts = urlsplit(url)
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{at[:8]}/{auth.region_for(parts.netloc)}/{_SERVICE}/aws4_request"
    signed = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": at}
    names = ";".join(signed)
    pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe="/-_.~%"),
            "&".join(
                f"{quote(key, safe='-_.~')}={quote(text, safe='-_.~')}" for key, text in pairs
            ),
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            names,
            _EMPTY,
        ]
    )
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{auth.secret_access_key}".encode()
    for word in scope.split("/"):
        key = _hmac(key, word)
    signature = _hmac(key, text).hex()
    value = (
        f"AWS4-HMAC-SHA256 Credential={auth.access_key_id}/{scope},"
        f"SignedHeaders={names},Signature={signature}"
    )
    return {"Authorization": value, "x-amz-content-sha256": _EMPTY, "x-amz-date": at}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
