"""The table of keys against the table of options: neither may run away from the other."""

from __future__ import annotations

from rktpy.cli.tables.common import GLOBAL as GLOBAL_OPTIONS
from rktpy.cli.tables.running import RUN
from rktpy.generator.file.keys import APP, GLOBAL, LEFT_OUT, POD, SECTIONS, YES, ungated
from rktpy.pod.app.streams import STREAM_ANNOTATION

PER_IMAGE = {option.name for option in RUN if option.per_image}
FOR_THE_POD = {option.name for option in RUN if not option.per_image or option.also_global}


def test_every_key_of_the_pod_is_an_option_of_run() -> None:
    assert {key.option for key in POD.values()} <= FOR_THE_POD


def test_every_key_of_an_app_is_an_option_behind_an_image() -> None:
    assert {key.option for key in APP.values()} <= PER_IMAGE


def test_every_global_key_is_a_global_option() -> None:
    assert {key.option for key in GLOBAL.values()} <= {option.name for option in GLOBAL_OPTIONS}


def test_every_option_of_run_has_a_key_or_a_reason() -> None:
    keys = {key.option for key in (*POD.values(), *APP.values())}
    assert {option.name for option in RUN} - keys == set(LEFT_OUT)


def test_streams_are_the_annotations_that_the_options_set() -> None:
    for name in ("stdin", "stdout", "stderr"):
        assert ungated(f"--{name}=null") == f"--annotation={STREAM_ANNOTATION}{name}=null"
    assert ungated("--user=stdin") == "--user=stdin"


def test_booleans_of_the_files_are_booleans_of_the_command_line() -> None:
    kinds = {option.name: option.kind for option in (*GLOBAL_OPTIONS, *RUN)}
    for section in SECTIONS.values():
        for key in section.values():
            if key.option:
                assert (key.kind == YES) == (kinds[key.option] in ("bool", "bool-text"))
