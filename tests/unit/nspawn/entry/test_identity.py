"""Whom an app is, from the kernel's files."""

from __future__ import annotations

import os

import pytest

from rktpy.nspawn.entry.identity import identity_of, inside


def test_a_process_of_our_own_namespace_is_whom_it_says() -> None:
    identity = identity_of(os.getpid())

    assert (identity.uid, identity.gid) == (os.geteuid(), os.getegid())
    assert sorted(identity.groups) == sorted(os.getgroups())


@pytest.mark.parametrize(
    ("number", "found"), [(131072, 0), (132072, 1000), (196607, 65535), (500, 70000)]
)
def test_ids_are_those_of_the_namespace(number: int, found: int) -> None:
    mapping = "         0     131072      65536\n     70000        500          1\n"

    assert inside(number, mapping) == found


def test_an_id_from_outside_is_refused() -> None:
    with pytest.raises(OSError, match="id 0 is not in the user namespace"):
        inside(0, "0 131072 65536")
