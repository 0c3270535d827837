"""What ``cp`` says of pods that have no files for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_dir
from rktpy.layout import Layout
from rktpy.pod.phase import Phase
from rktpy.verbs.app.copysides import Place, SideError, open_side
from rktpy.verbs.site import Site
from tests.support.pods import a_pod

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("phase", "locked", "said", "hint"),
    [
        (Phase.PREPARED, False, "has not run yet", "rktpy run-prepared"),
        (Phase.PREPARE, True, "has not run yet", "rktpy run-prepared"),
        (Phase.PREPARE, False, "has no files any more, or never had", "rktpy list"),
        (Phase.EXITED_GARBAGE, True, "has no files any more, or never had", "rktpy list"),
    ],
)
def test_the_refusal_names_what_helps(
    tmp_path: Path, phase: str, *, locked: bool, said: str, hint: str
) -> None:
    layout = Layout(str(tmp_path))
    uuid = a_pod(layout, phase)
    with lock_dir(layout.pod(phase, uuid).root) as lock:
        if not locked:
            lock.close()
        with pytest.raises(SideError) as caught:
            open_side(Site(data_dir=layout.data), Place("/x", uuid), writable=False)

    assert said in caught.value.message
    assert hint in (caught.value.hint or "")
