"""The grammar of ``--net``."""

from __future__ import annotations

import pytest

from rktpy.net.netlist import (
    HOST,
    NetList,
    NetListError,
    Network,
    parse_netlist,
)


def networks(*names: str) -> NetList:
    return NetList(none=False, host=False, networks=tuple(Network(name) for name in names))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], networks("default")),
        (["default"], networks("default")),
        (["host"], HOST),
        (["none"], NetList(none=True, host=False, networks=())),
        (["all"], networks("all")),
        (["n1,n2"], networks("n1", "n2")),
        (["n1", "n2"], networks("n1", "n2")),
        (["none,foo"], NetList(none=True, host=False, networks=(Network("foo"),))),
        (
            ["default:IP=172.16.28.123;X=y"],
            NetList(none=False, host=False, networks=(Network("default", "IP=172.16.28.123;X=y"),)),
        ),
    ],
)
def test_values_add_up_to_networks(values: list[str], expected: NetList) -> None:
    assert parse_netlist(values) == expected


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([""], "netname must not be empty"),
        (["a,"], "netname must not be empty"),
        ([":x=y"], "netname must not be empty"),
        (["a,a"], 'found duplicate netname "a"'),
        (["a", "b,a"], 'found duplicate netname "a"'),
        (["all:x=y"], 'arguments are not supported by special netname "all"'),
        (["host:x=y"], 'arguments are not supported by special netname "host"'),
        (["n:a=b:c=d"], 'network "n" provided with invalid arguments: [a=b c=d]'),
    ],
)
def test_values_out_of_the_grammar_are_refused(values: list[str], text: str) -> None:
    with pytest.raises(NetListError) as caught:
        parse_netlist(values)

    assert caught.value.message == text


@pytest.mark.parametrize("value", ["default", "host", "none", "a,b:x=y", "all"])
def test_a_list_prints_as_it_was_given(value: str) -> None:
    assert str(parse_netlist([value])) == value
