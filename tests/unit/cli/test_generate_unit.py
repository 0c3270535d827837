"""``generate unit``: a command line becomes a unit that says the same, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.cli.main import main
from rktpy.cli.recall import recall
from rktpy.cli.table import ROOT, subcommands
from rktpy.errors import RktError
from rktpy.generator.words import split
from rktpy.verbs.generate_unit import UnitError, UnitWishes, unit_text, write_unit

if TYPE_CHECKING:
    from pathlib import Path

RUN = next(one for one in subcommands(ROOT, {}) if one.path == ("run",))
WORD = st.text(st.sampled_from("aZ9 %$\"'\\\n\t=-;é/~#"), max_size=12)
WISHES = UnitWishes(stem="web", pod="web")


def started(text: str) -> list[str]:
    """Return the words that systemd makes of ``ExecStart=``: what is doubled is single then."""
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return [word.replace("%%", "%").replace("$$", "$") for word in split(line[10:])]


@given(args=st.lists(WORD, min_size=1, max_size=4), value=WORD, label=WORD)
def test_every_word_comes_through(args: list[str], value: str, label: str) -> None:
    args = [word for word in args if word != "---"]
    words = ["--net=host", f"--pod-label=a={label}", "example.com/a", f"--environment=V={value}",
             "--memory", "64M", "--", *args, "---", "example.com/b", "--name=b"]  # fmt: skip
    line = recall(RUN, words, "/srv")

    argv = started(unit_text(("/usr/bin/rktpy", *line.globals), line.words, WISHES))

    assert argv[:3] == ["/usr/bin/rktpy", "run", "--pod-name=web"]
    again = recall(RUN, argv[3:], "/elsewhere")
    assert again == line
    assert again.apps[0].args == tuple(args)
    assert f"--environment=V={value}" in again.apps[0].options
    assert f"--pod-label=a={label}" in again.options


def test_relative_paths_are_those_of_where_it_was_typed() -> None:
    words = ["--dir=data", "--set-env-file=e", "--uuid-file-save=/run/u", "./a.aci",
             "--signature=a.asc", "docker://x/y"]  # fmt: skip
    line = recall(RUN, words, "/root/x")

    assert line.globals == ("--dir=/root/x/data",)
    assert line.options == ("--set-env-file=/root/x/e", "--uuid-file-save=/run/u")
    assert line.apps[0].words == ("/root/x/a.aci", "--signature=/root/x/a.asc")
    assert line.apps[1].image == "docker://x/y"


def test_wishes_replace_what_the_unit_would_say() -> None:
    text = unit_text(("/usr/bin/rktpy",), ("x",), WISHES.replace(
        type="exec", restart="always", after=("a.service", "b.target"), requires=("a.service",),
        wanted_by=("shop.target",), may_fetch=False,
    ))  # fmt: skip

    lines = text.splitlines()
    assert [line for line in lines if line.startswith(("Type=", "Restart="))] == [
        "Type=exec", "Restart=always",
    ]  # fmt: skip
    assert {"After=a.service", "After=b.target", "Requires=a.service"} <= set(lines)
    assert "WantedBy=shop.target" in lines
    assert "network-online" not in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"stem": "a/b"}, "cannot be the name of a unit"),
        ({"pod": "no name"}, "no name"),
        ({"type": "forking"}, "none of: notify, exec, simple, oneshot"),
        ({"restart": "ever"}, "none of: no, always"),
        ({"after": ("a b",)}, "cannot be the name of a unit"),
        ({"wanted_by": ("x\nExecStart=/bin/evil",)}, "cannot be the name of a unit"),
    ],
)
def test_what_no_unit_can_have_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(RktError, match=says):
        unit_text(("/usr/bin/rktpy",), ("x",), WISHES.replace(**changes))


def test_a_unit_that_cannot_be_written_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=f"{tmp_path}/none/web.service"):
        write_unit(f"{tmp_path}/none", "web", "")
    assert write_unit(str(tmp_path), "web", "[Unit]\n") == f"{tmp_path}/web.service"


class TestTheCommand:
    def run(self, tmp_path: Path, *words: str) -> int:
        return main(["generate", "unit", f"--dir={tmp_path}", *words])

    def test_the_unit_is_named_after_the_image_and_does_without_a_terminal(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        status = self.run(tmp_path, "-i", "docker://registry.example.com/lib/nginx:1.22", "--", "x")
        out, err = capfd.readouterr()

        assert status == 0
        assert "generate unit: --interactive is left out" in err
        argv = started(out)
        assert "--pod-name=nginx" in argv
        assert not any("interactive" in word for word in argv)
        assert f"--dir={tmp_path}" in argv[: argv.index("run")]
        assert argv[-4:] == ["docker://registry.example.com/lib/nginx:1.22", "--", "x", "---"]

    def test_what_run_refuses_is_refused(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(tmp_path, "--net=none", "--port=http:80", "a") == 254
        assert "--port flag does not work with 'none' networking" in capfd.readouterr().err

    def test_it_can_be_written_at_once(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        status = self.run(
            tmp_path, f"--output={tmp_path}", "--unit-name=w.service", "example.com/a"
        )

        assert status == 0
        assert capfd.readouterr().out == f"{tmp_path}/w.service\n"
        assert "--pod-name=w" in started((tmp_path / "w.service").read_text())
