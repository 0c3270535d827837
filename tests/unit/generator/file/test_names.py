"""Names of files, of units and of pods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.errors import RktError
from rktpy.generator.file.names import why_no_pod_name
from rktpy.pod.naming import check_name
from tests.unit.generator.test_pods import DB, made


@given(
    st.text(st.sampled_from("aZf9_.-:\\\\ é"), max_size=12) | st.just("a" * 64) | st.just("g" * 65)
)
def test_a_pod_s_name_is_judged_as_run_judges_it(name: str) -> None:
    try:
        check_name(name)
    except RktError:
        assert why_no_pod_name(name)
    else:
        assert not why_no_pod_name(name)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a:b.pod", DB, ": a:b cannot name the pod: a pod's name has letters"),
        (
            "deadbeef.pod",
            DB,
            ": deadbeef cannot name the pod: it looks like the UUID of a pod; add",
        ),
        ("w.pod", DB + "[Pod]\nPodName=a b\n", ":4: PodName=: a pod's name has letters"),
        ("a:b.pod", DB + "[Pod]\nPodName=ab\n", ""),
        ("a@.pod", DB, ""),
        ("w.pod", DB + "[Pod]\nPodName=a-%H%i\n", ""),
    ],
)
def test_a_name_that_run_would_refuse_is_told(name: str, text: str, problem: str) -> None:
    found = [str(each) for each in made(text, name=name).problems]
    assert [each[: len(f"/etc/rktpy/{name}{problem}")] for each in found] == (
        [f"/etc/rktpy/{name}{problem}"] if problem else []
    )
