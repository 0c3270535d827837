"""resolv.conf of an app (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run

_FILE = "--set-env=FILE=/etc/resolv.conf"
_TWO = ("--dns=8.8.8.8", "--dns=8.8.4.4")
_SEARCH = ("--dns-search=foo.com", "--dns-search=bar.com")
_OPTIONS = ("--dns-opt=debug", "--dns-opt=use-vc", "--dns-opt=rotate")


def rows() -> list[Row]:
    def ran(*options: str, look: str = "--read-file", status: int = 0) -> Run:
        return Run(run(*options, _FILE, "{image}"), (Image((look,)),), status)

    everything = (*_TWO, *_SEARCH, *_OPTIONS, "--dns-domain=example.net")
    return [
        Row("nothing asked for", ran(status=FAILED), "Cannot read file"),
        Row("one server", ran("--dns=8.8.4.4"), "nameserver 8.8.4.4"),
        Row("two servers", ran(*_TWO), "nameserver 8.8.8.8"),
        Row("two servers, search and options", ran(*_TWO, *_SEARCH, *_OPTIONS),
            "nameserver 8.8.4.4"),
        Row("search domains", ran(*_TWO, *_SEARCH), "search foo.com bar.com"),
        Row("options", ran(*_TWO, *_SEARCH, *_OPTIONS), "options debug use-vc rotate"),
        Row("the domain", ran(*everything), "domain example.net"),
        Row("the host's file", ran("--dns=host", look="--hash-file"), "sha1sum: {resolv}"),
    ]  # fmt: skip
