"""What a server says when it wants to know who asks: ``WWW-Authenticate`` (RFC 9110). Pure."""

from __future__ import annotations

import re

from rktpy.value import Value

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PARAMETER = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]+))", re.DOTALL
)
_LONGEST = 1 << 16
_GAP = re.compile(r"[\s,]*")


class Challenge(Value):
    """One way to be let in; ``scheme`` and names of parameters are lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def parameter(self, name: str) -> str:
        """Return a parameter, "" if it was not given."""
        return dict(self.parameters).get(name, "")


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the challenges of a header field, in order; what cannot be read ends them.

    Nobody needs more than its first 64 Ki characters: a server may send a hundred such fields.
    """
    header = header[:_LONGEST]
    found: list[tuple[str, list[tuple[str, str]]]] = []
    position = 0
    while True:
        gap = _GAP.match(header, position)
        position = gap.end() if gap else position
        parameter = _PARAMETER.match(header, position)
        if parameter is not None and found:
            quoted, plain = parameter[2], parameter[3]
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1][1].append((parameter[1].lower(), value))
            position = parameter.end()
            continue
        scheme = _TOKEN.match(header, position)
        if scheme is None:
            return tuple(Challenge(name, tuple(values)) for name, values in found)
        found.append((scheme[0].lower(), []))
        position = scheme.end()
