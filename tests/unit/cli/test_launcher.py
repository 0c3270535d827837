"""The text of the launcher; that it runs is shown in the integration tier."""

from __future__ import annotations

from rktpy.cli.launcher import import_paths, render
from tests.unit.cli.desk import CHECKOUT


def test_the_script_names_its_paths_literally() -> None:
    assert render("/usr/bin/python3", ["/a", "/b"]).splitlines()[:4] == [
        "#!/usr/bin/python3 -IS",
        "import gc, sys",
        "gc.disable()",
        "sys.path[:0] = ['/a', '/b']",
    ]


def test_the_generator_s_script_knows_the_program() -> None:
    assert render("/usr/bin/python3", ["/a"], generator_of="/b/rktpy").splitlines() == [
        "#!/usr/bin/python3 -IS",
        "import sys",
        "sys.path[:0] = ['/a']",
        "from rktpy.generator.main import main",
        "sys.exit(main(sys.argv[1:], program='/b/rktpy'))",
    ]


def test_an_interpreter_the_kernel_cannot_take_is_left_to_a_shell() -> None:
    for interpreter in ("/a folder/python", "/" + "x" * 200):
        assert render(interpreter, ["/usr/lib/rktpy"]).startswith("#!/bin/sh\n'''exec'")


def test_the_paths_are_ours_and_the_libraries() -> None:
    paths = import_paths()

    assert paths[0] == CHECKOUT
    assert any(path.endswith("-packages") for path in paths)
    assert not any(path.endswith(("lib-dynload", ".zip")) for path in paths)
