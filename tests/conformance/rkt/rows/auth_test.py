"""Servers that want credentials (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_POD = "integration/image/test_running.py::test_a_pod_runs_from_a_server_that_wants_credentials"
_HTTP = "integration/image/test_credentials.py::test_credentials_of_the_host_let_us_in"


def rows() -> list[Shown]:
    return [
        Shown("without a signature", _POD),
        Shown("without credentials", _POD),
        Shown("basic", _HTTP),
        Shown("basic, of the vendor", _HTTP),
        Shown("oauth", _HTTP),
        Shown("oauth, of the vendor", _POD),
        Shown("the host's win over the vendor's, wrong", _POD),
        Shown("the host's win over the vendor's, right", _POD),
        Shown("files that are none of ours are ignored", _POD),
    ]
