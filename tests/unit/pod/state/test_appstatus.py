from __future__ import annotations

from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod.after.ending import ending_of
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.state.appstate import exit_codes
from tests.support.pods import STAGE1_ID, a_pod


@pytest.mark.parametrize(
    ("status", "room", "code"),
    [
        ("3\n", "\n", 3),
        ("3\n", "4\n", 3),
        ("", "4\n", 4),  # it got a name and no block
        (None, "4\n", 4),  # it got not even a name
        ("", "\n", None),
        (None, "\n", None),
        (None, None, None),
    ],
)
def test_a_status_is_where_there_was_room_for_it(
    tmp_path: Path, status: str | None, room: str | None, code: int | None
) -> None:
    layout = Layout(str(tmp_path))
    pod = open_pod(layout, a_pod(layout, status=None))
    base = Path(pod.path, "overlay", STAGE1_ID, "upper")
    for name, text in (("status", status), ("room", room)):
        (base / "rkt" / name).mkdir()
        if text is not None:
            (base / "rkt" / name / "redis").write_text(text)

    assert exit_codes(pod) == ({} if code is None else {"redis": code})
    assert (ending_of(pod) is None) == (status is None and code is None)
