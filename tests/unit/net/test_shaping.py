"""Which networks can limit a pod, and what their plugins are told."""

from __future__ import annotations

from typing import Any

import pytest

from rktpy.codec import compact
from rktpy.net.chain import Attachment, call
from rktpy.net.conf import NetConf, built_in, parse_conf
from rktpy.net.plugins.bandwidth import Limit, limits
from rktpy.net.shaping import shaped, told

ASKING = {"type": "mine", "capabilities": {"bandwidth": True}}


def listed(*plugins: dict[str, Any]) -> NetConf:
    document = {"cniVersion": "1.0.0", "name": "n", "plugins": list(plugins)}
    return parse_conf(compact(document).encode(), "n.conflist")


def test_the_default_network_gets_a_plugin_that_is_told_the_limit() -> None:
    conf = shaped(built_in()[1])

    assert conf is not None
    attachment = Attachment(conf, "u", "/ns", "eth0", capabilities=told(1_000_000))
    whole = Limit(8_000_000, 800_000)
    assert [fields["type"] for fields in conf.plugins] == ["ptp", "bandwidth"]
    assert limits(call(attachment, 1, None)) == (whole, whole)
    assert call(attachment, 0, None).content == conf.content


def test_a_network_that_asks_for_the_limit_stays_as_it_is() -> None:
    for conf in (listed(ASKING), listed({"type": "bridge"}, ASKING)):
        assert shaped(conf) == conf


@pytest.mark.parametrize(
    "plugins",
    [({"type": "macvlan"},), ({"type": "x"},), ({"type": "ptp"}, {"type": "bandwidth"})],
)
def test_others_cannot_limit_pods(plugins: tuple[dict[str, Any], ...]) -> None:
    assert shaped(listed(*plugins)) is None


@pytest.mark.parametrize("rate", [0, 1, 1 << 40, 1 << 70])
def test_any_rate_is_one_the_plugin_takes(rate: int) -> None:
    conf = shaped(built_in()[0])
    assert conf is not None
    attachment = Attachment(conf, "u", "/ns", "eth0", capabilities=told(rate))

    ingress, egress = limits(call(attachment, 1, None))

    assert ingress == egress
    assert ingress.rate >= 8
    assert ingress.burst >= 1 << 19
