"""Parts of a result that stand in an ``ipam`` section as they are: routes and DNS."""

from __future__ import annotations

from rktpy.net.ipam.addresses import block_of, number_of, text_of
from rktpy.net.result import VERSIONS, Route, read_result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.net.outcome import DNS


def read_routes(written: object) -> tuple[Route, ...]:
    """Return the routes of the list ``written`` (None is an empty one), spelled as Go does.

    Raises:
        ResultError: it is not one.
    """
    routes = read_result({"cniVersion": VERSIONS[-1], "routes": written}).routes
    return tuple(
        Route(str(block_of(one.destination) or one.destination), _spelled(one.gateway))
        for one in routes
    )


def read_dns(written: object) -> DNS:
    """Return the DNS settings of the object ``written``; None has none.

    Raises:
        ResultError: it is not one.
    """
    return read_result({"cniVersion": VERSIONS[-1], "dns": written}).dns


def _spelled(address: str) -> str:
    number = number_of(address)
    return address if number is None else text_of(number)
