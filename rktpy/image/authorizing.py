"""What lets a request in: header fields made of the configured credentials of its host."""

from __future__ import annotations

from urllib.parse import urlsplit

from rktpy.config.credentials import AWSAuth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.host.http.client import Authorize
    from rktpy.image.means import Credentials


def authorizer(credentials: Callable[[], Credentials]) -> Authorize:
    """Return what ``host.http.client`` asks for header fields.

    A host counts only with exactly the port that is configured with it. The configuration is read
    at the first question.
    """

    def authorize(method: str, url: str) -> Mapping[str, str]:
        found = credentials().get(urlsplit(url).netloc)
        if found is None:
            return {}
        if isinstance(found, AWSAuth):
            from rktpy.image.awssign import sign

            return sign(found, method, url)
        return {"Authorization": found.header()}

    return authorize
