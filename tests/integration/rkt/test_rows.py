"""rktpy does what rkt's functional tests assert: the rows of tests/conformance/rkt, really run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.conformance.rkt.table import to_run
from tests.integration.rkt.doing import Doer

if TYPE_CHECKING:
    from tests.conformance.rkt.row import Row


@pytest.fixture(scope="session")
def doer(tmp_path_factory: pytest.TempPathFactory) -> Doer:
    """One data directory for all rows: only the first run has to make stage1."""
    return Doer(tmp_path_factory.mktemp("rkt"))


def _marked(name: str, row: Row) -> object:
    # Strict (pyproject.toml): a gap that has closed must lose its mark.
    marks = [pytest.mark.xfail(reason=row.gap)] if row.gap else []
    return pytest.param(row, marks=marks, id=name)


@pytest.mark.parametrize("row", [_marked(name, row) for name, row in to_run()])
def test_rktpy_does_what_rkt_did(doer: Doer, row: Row) -> None:
    done = doer.do(row.run)

    assert re.search(done.filled(row.expect), done.output), done.output
    assert not row.refuse or not re.search(done.filled(row.refuse), done.output), done.output
    assert row.run.status in (None, done.status), done.output
    assert row.stored in ("", done.stored)
