"""Files as large as a host may have: here, as the unit tier has no second for each."""

from __future__ import annotations

import pytest

from rktpy.generator.pods import PodFile, generate


@pytest.mark.parametrize("text", ["A=\n" * 200_000, "\\\n" * 400_000, "[A]\nK=\n" * 100_000])
def test_the_largest_file_is_read_at_once(text: str) -> None:
    """What grew with the square of the lines took minutes, in which a host did not start."""
    file = PodFile("web.pod", (("/etc/rktpy/web.pod", f"[App]\n{text}"),))

    assert len(generate([file], program="/bin/true").problems) <= 21
