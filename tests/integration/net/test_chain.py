"""Networks of several plugins: in order, in reverse, and what each is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.codec import parse
from rktpy.errors import RktError
from rktpy.net import chain
from rktpy.net.registry import Registry
from rktpy.net.result import Address, Result
from rktpy.net.rules import Rules
from tests.support.netplugins import GOOD, attachment, programs, script

if TYPE_CHECKING:
    from pathlib import Path

RESULT = Result(addresses=(Address("10.0.0.2/8"),))
V1 = '{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/8"}]}'


def listed(*kinds: str, version: str = "1.0.0", **more: object) -> dict[str, object]:
    plugins = [{"type": kind} for kind in kinds]
    return {"cniVersion": version, "name": "n", "plugins": plugins, **more}


def keep(directory: Path, kind: str, then: str = f"echo '{V1}'") -> None:
    """Make a plugin that keeps what it is told, by command."""
    note = f'echo "{kind} $CNI_COMMAND" >> {directory}/calls'
    script(directory, kind, f"{note}; cat > {directory}/{kind}.$CNI_COMMAND; {then}")


def calls(directory: Path) -> list[str]:
    return (directory / "calls").read_text().splitlines()


def told(directory: Path, kind: str, command: str) -> object:
    return parse((directory / f"{kind}.{command}").read_bytes())


def test_each_plugin_is_told_what_the_one_before_reported(tmp_path: Path) -> None:
    two = '{"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.3/8"}]}'
    keep(tmp_path, "a")
    keep(tmp_path, "b", f"echo '{two}'")

    result = chain.add(attachment(listed("a", "b")), programs(tmp_path))

    assert result == Result(addresses=(Address("10.0.0.3/8"),))
    assert told(tmp_path, "a", "ADD") == {"cniVersion": "1.0.0", "name": "n", "type": "a"}
    assert told(tmp_path, "b", "ADD") == {
        "cniVersion": "1.0.0", "name": "n", "type": "b",
        "prevResult": {
            "cniVersion": "1.0.0", "dns": {}, "ips": [{"address": "10.0.0.2/8"}],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "failure", ["exit 3", "kill -9 $$", "echo garbage", """echo '{"msg": "no"}'; exit 1"""]
)
def test_a_chain_that_breaks_is_undone_from_its_end(tmp_path: Path, failure: str) -> None:
    for kind in "ac":
        keep(tmp_path, kind)
    keep(tmp_path, "b", f"[ $CNI_COMMAND != ADD ] || {{ {failure}; }}")

    with pytest.raises(chain.ChainError, match=r'^error adding network "n": '):
        chain.add(attachment(listed("a", "b", "c")), programs(tmp_path))

    assert calls(tmp_path) == ["a ADD", "b ADD", "c DEL", "b DEL", "a DEL"]


def test_an_undoing_that_fails_does_not_hide_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, "a")
    keep(tmp_path, "b", """echo '{"msg": "'no $CNI_COMMAND'"}'; exit 1""")

    with pytest.raises(chain.ChainError, match=r'^error adding network "n": no ADD$'):
        chain.add(attachment(listed("a", "b")), programs(tmp_path))

    assert calls(tmp_path) == ["a ADD", "b ADD", "b DEL", "a DEL"]
    assert 'error deleting network "n": no DEL\n' in capfd.readouterr().err


def test_nothing_is_done_if_a_plugin_is_missing(tmp_path: Path) -> None:
    (tmp_path / "net.d").mkdir()
    keep(tmp_path / "net.d", "a")

    with pytest.raises(RktError, match='Could not find plugin "b"'):
        chain.add(attachment(listed("a", "b")), Registry(str(tmp_path), {}, "/").find)

    assert not (tmp_path / "net.d/calls").exists()


def test_leaving_goes_on_after_an_error(tmp_path: Path) -> None:
    keep(tmp_path, "a")
    keep(tmp_path, "b", """echo '{"msg": "cannot"}'; exit 1""")
    keep(tmp_path, "d")

    errors = chain.delete(attachment(listed("a", "b", "missing", "d")), programs(tmp_path), RESULT)

    assert calls(tmp_path) == ["d DEL", "b DEL", "a DEL"]
    assert errors == (
        f'error deleting network "n": cannot execute {tmp_path}/missing: No such file or directory',
        'error deleting network "n": cannot',
    )


@pytest.mark.parametrize(
    ("version", "is_told"),
    [("0.1.0", False), ("0.3.1", False), ("0.4.0", True), ("1.0.0", True), ("7.0.0", False)],
)
def test_from_0_4_0_on_a_plugin_that_leaves_is_told_the_result(
    tmp_path: Path, version: str, *, is_told: bool
) -> None:
    keep(tmp_path, "a")
    single = f'{{ "cniVersion": "{version}",\n"name": "n", "type": "a" }}'

    assert chain.delete(attachment(single), programs(tmp_path), RESULT) == ()
    content = (tmp_path / "a.DEL").read_text()
    assert (content != single) is is_told
    assert ("prevResult" in content) is is_told

    assert chain.delete(attachment(listed("a", version=version)), programs(tmp_path), RESULT) == ()
    assert ("prevResult" in (tmp_path / "a.DEL").read_text()) is is_told


@pytest.mark.parametrize(
    ("version", "off", "checked"),
    [
        ("0.3.1", False, False),
        ("0.4.0", False, True),
        ("1.0.0", False, True),
        ("1.0.0", True, False),
    ],
)
def test_a_check_asks_all_in_order_where_they_know_it(
    tmp_path: Path, version: str, *, off: bool, checked: bool
) -> None:
    keep(tmp_path, "a")
    keep(tmp_path, "b", """echo '{"msg": "is gone"}'; exit 1""")
    one = attachment(listed("a", "b", "a", version=version, disableCheck=off))

    if checked:
        with pytest.raises(RktError, match="is gone"):
            chain.check(one, programs(tmp_path), RESULT)
        assert calls(tmp_path) == ["a CHECK", "b CHECK"]
    else:
        chain.check(one, programs(tmp_path), RESULT)
        assert not (tmp_path / "calls").exists()


def test_only_what_a_plugin_asks_for_is_put_into_its_configuration(tmp_path: Path) -> None:
    for kind in "ab":
        keep(tmp_path, kind, GOOD)
    ports = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
    asking = '{"name": "n", "type": "a", "capabilities": {"portMappings": true, "mac": false}}'
    plain = '{"name": "n", "type": "b", "capabilities": {"portMappings": false}}'
    offered = {"portMappings": ports, "mac": "00:11:22:33:44:55"}

    for content in (asking, plain):
        chain.add(attachment(content, capabilities=offered), programs(tmp_path))

    assert told(tmp_path, "a", "ADD") == {
        "cniVersion": "0.1.0", "name": "n", "type": "a", "runtimeConfig": {"portMappings": ports},
    }  # fmt: skip
    assert (tmp_path / "b.ADD").read_text() == plain


def test_a_chain_of_a_version_we_do_not_know(tmp_path: Path) -> None:
    keep(tmp_path, "a")

    with pytest.raises(
        chain.ChainError, match=r'CNI version "9.0.0" of n.conflist is not supported'
    ) as caught:
        chain.add(attachment(listed("a", version="9.0.0")), programs(tmp_path))

    assert "1.0.0" in str(caught.value.hint)
    assert not (tmp_path / "calls").exists()


def test_a_single_program_may_speak_a_version_we_do_not_know(tmp_path: Path) -> None:
    keep(tmp_path, "a")
    content = '{"cniVersion": "9.0.0", "name": "n", "type": "a"}'

    assert chain.add(attachment(content), programs(tmp_path)) == RESULT


def test_programs_see_to_the_firewall_themselves(tmp_path: Path) -> None:
    document = '{"name": "n", "type": "a", "ipMasq": true}'

    assert chain.rules(attachment(document), programs(tmp_path), RESULT) == Rules()
