"""The built-in portmap: what the runtime offers becomes rules."""

from __future__ import annotations

import pytest

from rktpy.net.call import Call
from rktpy.net.plugins.portmap import Portmap, PortmapError, port_mappings
from rktpy.net.result import Address, Result
from rktpy.net.rules import Forward, Published, Rules

RESULT = Result(
    addresses=(
        Address("10.1.1.2/24"), Address("fd03::2/64"), Address("10.2.2.2/24"),
    ),
)  # fmt: skip


def call(mappings: object = None, previous: Result | None = RESULT, **fields: object) -> Call:
    return Call(
        "uuid", "/run/netns/x", "eth0", "", "net", "1.0.0",
        {"type": "portmap", "capabilities": {"portMappings": True}, **fields},
        previous=previous,
        capabilities={} if mappings is None else {"portMappings": mappings},
    )  # fmt: skip


def test_each_mapping_leads_to_the_first_address_of_each_family() -> None:
    ports = (
        Published("tcp", 8080, 80),
        Published("udp", 53, 53, "::1", 2, ("fd00::/8",)),
    )
    asked = call(port_mappings(ports))

    assert Portmap().add(asked) is RESULT
    assert Portmap().rules(asked, RESULT) == Rules(
        (),
        tuple(
            Forward(port, address)
            for port in (
                Published("tcp", 8080, 80),
                Published("udp", 53, 53, "::1", 1, ("fd00::/8",)),
                Published("udp", 54, 54, "::1", 1, ("fd00::/8",)),
            )
            for address in ("10.1.1.2/24", "fd03::2/64")
        ),
    )


def test_without_mappings_there_are_no_rules() -> None:
    assert not Portmap().rules(call(), RESULT)
    assert not Portmap().rules(call([{"hostPort": 0, "containerPort": 80}]), RESULT)


def test_without_snat_there_is_no_way_back() -> None:
    found = Portmap().rules(call([{"hostPort": 1, "containerPort": 2}], snat=False), RESULT)

    assert [forward.back for forward in found.forwards] == [False, False]


@pytest.mark.parametrize(
    ("mappings", "fields", "says"),
    [
        ([{"hostPort": 1, "containerPort": 2, "protocol": "icmp"}], {}, 'protocol "icmp"'),
        ([{"hostPort": 1, "containerPort": "x"}], {}, '"containerPort" of a port mapping must be'),
        ([{"hostPort": 70000, "containerPort": 1}], {}, "are not ports"),
        ([{"hostPort": 1, "containerPort": 1, "hostIP": "nowhere"}], {}, "is not an address"),
        ([{"hostPort": 1, "containerPort": 1, "sources": ["x"]}], {}, "is not an address"),
        ([7], {}, "must be an object"),
        ({}, {}, "must be a list"),
        (None, {"conditionsV4": ["-s", "10.0.0.0/8"]}, "cannot have conditionsV4"),
        (None, {"snat": "yes"}, '"snat" must be true or false'),
    ],
)
def test_what_cannot_be_done_is_told_at_add(
    mappings: object, fields: dict[str, object], says: str
) -> None:
    with pytest.raises(PortmapError) as caught:
        Portmap().add(call(mappings, RESULT, **fields))

    assert says in caught.value.message


def test_alone_it_is_refused() -> None:
    with pytest.raises(PortmapError, match="must be called as chained plugin"):
        Portmap().add(call([], None))
