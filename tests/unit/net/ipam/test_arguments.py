"""What a pod asks of an IPAM plugin."""

from __future__ import annotations

import pytest

from rktpy.net.ipam.arguments import IpamError, read_arguments


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("IP=10.1.0.7", {"IP": "10.1.0.7"}),
        ("IP=", {}),
        ("MAC=02:00:00:00:00:01;IP=10.1.0.7", {"IP": "10.1.0.7"}),
        ("FOO=1;IP=10.1.0.7;IgnoreUnknown=1", {"IP": "10.1.0.7"}),
        ("IgnoreUnknown=TRUE;ip=x", {}),
    ],
)
def test_arguments_that_are_understood(text: str, found: dict[str, str]) -> None:
    assert read_arguments(text, ("IP",)) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("IP", 'ARGS: invalid pair "IP"'),
        ("IP=a=b", 'ARGS: invalid pair "IP=a=b"'),
        ("ip=10.1.0.7;FOO=1", 'ARGS: unknown args ["ip=10.1.0.7" "FOO=1"]'),
        ("FOO=1;IgnoreUnknown=0", 'ARGS: unknown args ["FOO=1"]'),
        ("IgnoreUnknown=x", 'ARGS: IgnoreUnknown cannot be "x"'),
    ],
)
def test_arguments_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(IpamError) as caught:
        read_arguments(text, ("IP",))

    assert caught.value.message == message
