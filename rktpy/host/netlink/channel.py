"""A socket on which the kernel does what ``Request`` values say, one after the other.

A socket stays in the network namespace in which it was opened, whatever its process does later:
to work in another one, open it there (``host.netns.inside``).
"""

from __future__ import annotations

import _socket
import errno
import os

from rktpy.host.netlink import addresses, links, routes, wire
from rktpy.host.netlink.wire import NetlinkError
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.host.netlink.links import Link
    from rktpy.host.netlink.routes import Route
    from rktpy.host.netlink.wire import Message, Request

_SOL_NETLINK = 270
_CAP_ACK, _EXT_ACK, _STRICT_CHECK = 10, 11, 12
_SNDBUFFORCE, _LARGE = 32, 4 << 20
_DATAGRAM = 1 << 16  # a dump comes in pieces of at most 32 KiB
_TRIES = 10  # a list that changes while it is read is read again


class Netlink(Resource):
    """Ours until ``close``. ``timeout`` is in seconds, for each answer; the kernel answers at once
    unless it waits for its own lock."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self, timeout: float = 10, *, protocol: int = 0, large: bool = False) -> None:
        """Open a socket in the namespace of the calling thread; ``protocol`` 0 is rtnetlink.

        With ``large`` a request may have some megabytes, where the caller may ask for that.

        Raises:
            NetlinkError: the kernel has none.
        """
        self._sequence = 0
        kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
        try:
            self._socket = _socket.socket(_socket.AF_NETLINK, kind, protocol)
        except OSError as error:
            number = error.errno or 0
            hint = "try as root" if number in (errno.EPERM, errno.EACCES) else None
            message = f"cannot open a netlink socket: {os.strerror(number)}"
            raise NetlinkError(message, hint=hint, number=number) from error
        try:
            self._socket.bind((0, 0))
            self._socket.settimeout(timeout)
            if large:
                self._ask(_SNDBUFFORCE, _LARGE, _socket.SOL_SOCKET)
            for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHECK):
                self._ask(option)
        except BaseException:
            self._socket.close()
            raise

    def _ask(self, option: int, value: int = 1, level: int = _SOL_NETLINK) -> None:
        try:
            self._socket.setsockopt(level, option, value)
        except OSError:
            pass  # before Linux 4.20: shorter errors, nothing else

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def perform(self, *requests: Request) -> None:
        """Have each carried out, in order.

        Raises:
            NetlinkError: of the first that failed, with the kernel's words; those before it stand,
                those after it were not sent.
        """
        for request in requests:
            for _ in self._answers(request):
                pass

    def links(self) -> tuple[Link, ...]:
        """Return all links of the namespace."""
        return tuple(links.decode(body) for body in self._list(links.every()))

    def link(self, name: str) -> Link:
        """Return the link ``name``.

        Raises:
            NetlinkError: there is none; its ``number`` is ENODEV.
        """
        request = links.named(name)
        for message in self._answers(request):
            return links.decode(message.body)
        raise NetlinkError(f"cannot {request.says}: the kernel did not answer")

    def addresses(self) -> tuple[addresses.Address, ...]:
        """Return all addresses of all links, IPv4 and IPv6."""
        return tuple(addresses.decode(body) for body in self._list(addresses.every()))

    def routes(self, *, ipv6: bool = False) -> tuple[routes.Route, ...]:
        """Return all routes of one family, those that the kernel made for itself too."""
        return tuple(routes.decode(body) for body in self._list(routes.every(ipv6=ipv6)))

    def route(self, address: str) -> Route:
        """Return the route that a packet of the host to ``address`` takes.

        Raises:
            NetlinkError: there is none, or that is not an address.
        """
        request = routes.toward(address)
        for message in self._answers(request):
            return routes.decode(message.body)
        raise NetlinkError(f"cannot {request.says}: the kernel did not answer")

    def bodies(self, request: Request) -> list[bytes]:
        """Return the bodies of all messages that answer a request for a list."""
        return self._list(request)

    def _list(self, request: Request) -> list[bytes]:
        for _ in range(_TRIES):
            found = list(self._answers(request))
            if not any(message.flags & wire.DUMP_INTERRUPTED for message in found):
                return [m.body for m in found if m.kind not in (wire.DONE, wire.ERROR)]
        raise NetlinkError(f"cannot {request.says}: they change all the time", hint="try again")

    def _answers(self, request: Request) -> Iterator[Message]:
        """Yield the kernel's messages about ``request`` until it says that there are no more."""
        self._sequence += 1
        dump = request.flags & wire.DUMP == wire.DUMP and not request.flags & wire.ACK
        single = not dump and not request.flags & wire.ACK
        try:
            self._socket.sendto(request.encode(self._sequence), (0, 0))
            while True:
                for message in self._receive():
                    if message.sequence != self._sequence:
                        continue  # late: its asker gave up
                    if message.kind in (wire.ERROR, wire.DONE):
                        _refuse(request, *wire.verdict(message))
                        yield message
                        return
                    if message.kind == wire.OVERRUN:
                        raise NetlinkError(f"cannot {request.says}: the kernel lost its answer")
                    if message.kind != wire.NOOP:
                        yield message
                        if single:
                            return
        except OSError as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else os.strerror(
                error.errno or 0
            )  # fmt: skip
            raise NetlinkError(
                f"cannot {request.says}: {why}", number=error.errno or errno.ETIMEDOUT
            ) from error

    def _receive(self) -> Iterator[Message]:
        data, _, flags, sender = self._socket.recvmsg(_DATAGRAM)
        if sender[0] != 0:
            return  # another process: only port 0 is the kernel
        if flags & _socket.MSG_TRUNC:
            raise NetlinkError("the kernel's answer is too long")
        yield from wire.messages(data)


def _refuse(request: Request, number: int, words: str) -> None:
    if not number or (request.content and number == errno.EEXIST):
        return
    why = os.strerror(number)
    if words:
        why += f" ({words.rstrip('.')})"
    hint = "try as root" if number in (errno.EPERM, errno.EACCES) else None
    if number == errno.EOPNOTSUPP and request.kind == links.NEW:
        hint = "the kernel has no such links: see modprobe(8)"
    raise NetlinkError(f"cannot {request.says}: {why}", hint=hint, number=number)
