"""The fence of the unit tier, from outside: what a process behind it can still write to."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.fence import ROOT

if TYPE_CHECKING:
    from pathlib import Path

# A file without a name needs the right to write, and is gone whatever comes of it.
ATTEMPT = """
import json, os, sys
def attempt(path):
    try:
        os.close(os.open(path, os.O_TMPFILE | os.O_WRONLY))
    except OSError as error:
        return error.errno
    return 0
"""
REAL = ["/", "/etc", "/var/lib", "/usr", os.path.expanduser("~root"), ROOT, f"{ROOT}/tests/unit"]


def python(
    script: str, *args: str, before: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script that knows ``attempt``, in the checkout."""
    command = [*before, sys.executable, "-c", ATTEMPT + script, *args]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def open_to_all(tmp_path: Path) -> str:
    """A directory outside the fence, which is ours to write to where there is none."""
    path = tmp_path / "outside"
    path.mkdir()
    return str(path)


class TestEnclosed:
    ENCLOSE = "from tests.support import fence; fence.enclose([sys.argv[1]]);"

    def test_only_what_was_named_can_be_written(self, tmp_path: Path, open_to_all: str) -> None:
        inside = tmp_path / "inside"
        inside.mkdir()
        tell = "print(json.dumps({path: attempt(path) for path in sys.argv[1:]}))"

        before = python(tell, open_to_all)
        done = python(self.ENCLOSE + tell, str(inside), open_to_all, *REAL)

        assert json.loads(before.stdout) == {open_to_all: 0}
        assert done.stderr == ""
        assert json.loads(done.stdout) == {
            str(inside): 0,
            **dict.fromkeys([open_to_all, *REAL], errno.EROFS),
        }

    def test_what_is_there_can_be_neither_changed_nor_removed(
        self, tmp_path: Path, open_to_all: str
    ) -> None:
        kept = tmp_path / "outside" / "kept"
        kept.write_text("as it was")
        inside = tmp_path / "inside"
        inside.mkdir()
        (inside / "way").symlink_to(open_to_all)  # leads out again
        script = f"""
import shutil
shutil.rmtree(sys.argv[1] + "/way/", ignore_errors=True)
for act in (lambda p: os.unlink(p), lambda p: open(p, "w"), lambda p: os.chmod(p, 0)):
    try:
        act({str(kept)!r})
    except OSError as error:
        print(error.errno)
"""

        done = python(self.ENCLOSE + script, str(inside))

        assert done.stdout.split() == [str(errno.EROFS)] * 3
        assert kept.read_text() == "as it was"

    def test_the_fence_cannot_be_taken_down(self, tmp_path: Path, open_to_all: str) -> None:
        """Neither by the process nor by what it starts, though it is root."""
        child = ATTEMPT + "print(attempt(sys.argv[1]))"
        script = f"""
import subprocess
from tests.support.sandbox import call_libc
try:
    call_libc("mount", None, b"/", None, 32 | 4096, None)  # remount, bind
except OSError as error:
    print(error.errno)
line = "mount -o remount,bind,rw / ; exec \\"$@\\""
tail = [sys.executable, "-c", {child!r}, sys.argv[2]]
done = subprocess.run(["sh", "-c", line, "sh", *tail], capture_output=True, text=True)
print(done.stdout)
"""

        done = python(self.ENCLOSE + script, str(tmp_path / "inside"), open_to_all)
        assert done.returncode != 0  # a directory that is not there is an error, not a gap
        (tmp_path / "inside").mkdir()
        done = python(self.ENCLOSE + script, str(tmp_path / "inside"), open_to_all)

        assert done.stderr == ""
        assert done.stdout.split() == [str(errno.EPERM), str(errno.EROFS)]

    def test_the_machine_outside_stays_as_it_is(self, tmp_path: Path, open_to_all: str) -> None:
        inside = tmp_path / "inside"
        inside.mkdir()

        python(self.ENCLOSE, str(inside))

        (tmp_path / "outside" / "new").write_text("written")


class TestRunOfTheTier:
    """pytest itself, with a plugin that tries what a wrong test would do."""

    ARGUMENTS = ("-p", "probe", "-q", "tests/unit/test_codec.py")

    @pytest.fixture
    def run(self, tmp_path: Path, open_to_all: str) -> dict[str, str]:
        """The environment of such a run."""
        (tmp_path / "temporary").mkdir()
        (tmp_path / "plugins").mkdir()
        told = {"REAL": REAL, "MORE": [open_to_all, f"{ROOT}/.hypothesis", f"{ROOT}/.pytest_cache"]}
        text = "".join(f"{name} = {value!r}\n" for name, value in told.items())
        (tmp_path / "plugins" / "probe.py").write_text(
            f"{ATTEMPT}{text}\n"
            "def pytest_runtest_teardown(item, nextitem):\n"
            "    if nextitem is None:\n"
            "        own = [os.environ['TMPDIR']]\n"
            "        found = {path: attempt(path) for path in REAL + MORE + own}\n"
            "        found['own'] = own\n"
            "        sys.__stderr__.write('PROBE ' + json.dumps(found) + '\\n')\n"
        )
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{tmp_path}/plugins",
            "TMPDIR": f"{tmp_path}/temporary",
        }
        if cache := os.environ.get("PYTHONPYCACHEPREFIX"):
            env["PYTHONPYCACHEPREFIX"] = cache
        return env

    def pytest(
        self, env: dict[str, str], *args: str, before: tuple[str, ...] = ()
    ) -> tuple[str, dict[str, object]]:
        """Run it; return what was printed and what the plugin found."""
        command = [*before, sys.executable, "-m", "pytest", "-s", *self.ARGUMENTS, *args]
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        line = next(line for line in done.stderr.splitlines() if line.startswith("PROBE "))
        return done.stdout, json.loads(line.removeprefix("PROBE "))

    def test_its_tests_write_to_their_own_directory_and_the_caches(
        self, run: dict[str, str], tmp_path: Path, open_to_all: str
    ) -> None:
        text, found = self.pytest(run)

        assert "NO FENCE" not in text
        own = found.pop("own")
        assert isinstance(own, list)
        assert own[0].startswith(f"{tmp_path}/temporary/rktpy-tests-0/")
        refused = {path for path, code in found.items() if code == errno.EROFS}
        assert refused == {open_to_all, *REAL}
        assert {path for path, code in found.items() if code == 0} == set(found) - refused

    def test_it_leaves_no_temporary_files(self, run: dict[str, str], tmp_path: Path) -> None:
        self.pytest(run)

        assert os.listdir(f"{tmp_path}/temporary/rktpy-tests-0") == []

    def test_a_report_can_be_asked_for(self, run: dict[str, str], tmp_path: Path) -> None:
        self.pytest(run, f"--junitxml={tmp_path}/reports/unit.xml")

        assert "<testsuite" in (tmp_path / "reports" / "unit.xml").read_text()

    def test_without_the_power_to_make_one_it_says_so(self, run: dict[str, str]) -> None:
        text, _ = self.pytest(run, before=("setpriv", "--bounding-set=-sys_admin"))

        assert "NO FENCE" in text
