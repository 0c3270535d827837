"""``generate unit``: a command line becomes a unit that says the same, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.cli import walk
from rktpy.cli.apps import read_images
from rktpy.cli.main import main
from rktpy.cli.recall import recall
from rktpy.cli.table import ROOT, subcommands
from rktpy.errors import RktError
from rktpy.generator.file.words import split
from rktpy.generator.podfile import AppWords
from rktpy.generator.pods import PodFile, generate
from rktpy.verbs.generate_unit import (
    UnitError,
    UnitWishes,
    pod_file_text,
    unit_text,
    write_unit,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rktpy.cli.recall import Recalled

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

    assert argv[:4] == ["/usr/bin/rktpy", "run", "--replace", "--pod-name=web"]
    again = recall(RUN, argv[4:], "/elsewhere")
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
        write_unit(f"{tmp_path}/none", "web.service", "")
    assert write_unit(str(tmp_path), "web.service", "[Unit]\n") == f"{tmp_path}/web.service"


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


VALUE = st.text(st.sampled_from("aZ9 %$\"'\\\t=-;é~#["), max_size=12)


def argv_of(text: str, stem: str = "web") -> list[str]:
    """Return the words that systemd makes of the unit that the generator makes of ``text``."""
    path = f"/etc/rktpy/{stem}.pod"
    made = generate([PodFile(f"{stem}.pod", ((path, text),))], program="/usr/bin/rktpy")
    assert made.problems == ()
    return started(dict(made.units)[f"{stem}.service"])


def meaning(words: Sequence[str]) -> object:
    """Return what ``run`` understands of ``words``, whatever their order."""
    reading = walk.read(RUN, list(words), {})
    apps = [(app.image, app.args, app.options) for app in read_images(reading)]
    return reading.options(), apps


def as_pod(line: Recalled) -> str:
    apps = [AppWords(app.image, app.options, app.args, app.name) for app in line.apps]
    return pod_file_text((*line.globals, *line.options), apps, WISHES)


@given(args=st.lists(WORD, max_size=4), word=WORD, value=VALUE, label=WORD)
def test_a_pod_file_says_what_the_command_line_said(
    args: list[str], word: str, value: str, label: str
) -> None:
    args = [each for each in args if each != "---"]
    words = [
        "--dir=/data", "--net=host", f"--pod-label=a={label}", "--no-overlay", "--quiet=false",
        f"--volume=d,kind=host,source=/{value}", "--dns=192.0.2.1", f"--dns-domain={value}",
        "example.com/a", "--name=a", f"--environment=V={word}", "--memory=64M", "--exec=/bin/x",
        "--mount=volume=d,target=/d", "--", *args, "---",
        "example.com/b", "--name=b", "--cap-retain=CAP_CHOWN", "--", *args,
    ]  # fmt: skip
    line = recall(RUN, words, "/srv")

    argv = argv_of(as_pod(line))

    at = argv.index("run")
    assert argv[at + 1 : at + 3] == ["--replace", "--pod-name=web"]
    assert meaning([*argv[1:at], *argv[at + 3 :]]) == meaning(words)


def test_streams_come_through_in_both_forms() -> None:
    words = ["example.com/a", "--stdout=null", "--stdin=tty", "--", "--stdout=null"]
    line = recall(RUN, words, "/srv")

    text = as_pod(line)
    unit = started(unit_text(("/usr/bin/rktpy",), line.ungated().words, WISHES))

    assert "Stdout=null\nStdin=tty\n" in text
    stage2 = "--annotation=coreos.com/rkt/stage2/"
    assert unit[5:] == [f"{stage2}stdout=null", f"{stage2}stdin=tty", "--", "--stdout=null", "---"]
    assert argv_of(text)[5:] == unit[5:-1]


def test_a_pod_file_becomes_the_unit_that_is_written_without_it() -> None:
    words = ["--insecure-options=image", "--net=host", "--port=http:80", "example.com/a",
             "--user=1000", "--", "100%", "$HOME x"]  # fmt: skip
    line = recall(RUN, words, "/srv")

    unit = unit_text(("/usr/bin/rktpy", *line.globals), line.words, WISHES)

    assert argv_of(as_pod(line)) == started(unit)[:-1]  # which ends with ---


class TestAsAPodFile:
    def run(self, capfd: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
        main(["generate", "unit", "--format=pod", *words])
        return capfd.readouterr()

    def test_it_reads_as_somebody_would_write_it(self, capfd: pytest.CaptureFixture[str]) -> None:
        out, _ = self.run(
            capfd, "--after=db.pod", "--restart=always", "--port=http:8080", "--mds-register",
            "docker://registry.example.com/lib/nginx:1.22", "--memory=64M", "--environment=A=b c",
            "example.com/log", "--", "100%",
        )  # fmt: skip

        assert out == (
            "# Written by rktpy generate unit. It belongs into /etc/rktpy as nginx.pod.\n"
            "[Unit]\nAfter=db.pod\n\n"
            "[Pod]\nPublishPort=http:8080\nRunArgs=--mds-register=true\n\n"
            "[App nginx]\nImage=docker://registry.example.com/lib/nginx:1.22\nMemory=64M\n"
            'Environment="A=b c"\n\n'
            "[App log]\nImage=example.com/log\nArgs=100%%\n\n"
            "[Service]\nRestart=always\n\n"
            "[Install]\nWantedBy=multi-user.target\n"
        )

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("example.com/a", "other.com/a"), "add --name=NAME after each image"),
            (("example.com/a", "--user=1 "), "no key for --user with the value '1 '"),
            (("--port=8080:80", "a"), "PublishPort=: write the name of the app's port first"),
            (("--unit-name=a/b", "a"), "cannot be the name of a unit"),
            (("--format=json", "a"), "--format=json is none of: service, pod"),
        ],
    )
    def test_what_no_file_can_say_is_refused(
        self, words: tuple[str, ...], says: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        out, err = self.run(capfd, *words)
        assert out == ""
        assert says in err
