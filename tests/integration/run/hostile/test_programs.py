"""Programs and working directories that lead out of the image, or are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.systemd.facts import systemd_version
from rktpy.systemd.features import KERNEL_DIRECTORIES
from tests.integration.run.hostile.images import image, links
from tests.integration.run.images import SHELL
from tests.integration.run.test_bad_input import check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy


@pytest.mark.parametrize(
    "program", ["/absolute/secret", "/relative/secret", "/loop", "/proc-root/secret"]
)
def test_a_program_outside_of_the_image_is_not_there(
    rkt: Rktpy, tmp_path: Path, host: Path, program: str
) -> None:
    (host / "secret").chmod(0o644)

    done = rkt.run(image(tmp_path, links(host)), f"--exec={program}")

    assert done.status == 203
    assert done.lines() == [f'Error: Unable to open "{program}": No such file or directory']


@pytest.mark.parametrize("program", ["/fifo", "/dir", "/dev/zero", "/dev/console"])
def test_a_program_that_is_no_file_ends_the_pod(
    rkt: Rktpy, tmp_path: Path, host: Path, program: str
) -> None:
    assert rkt.run(image(tmp_path, links(host)), f"--exec={program}").status == 203


@pytest.mark.parametrize("directory", ["/absolute/dir", "/relative/dir", "/loop", "/file", "/fifo"])
def test_a_working_directory_outside_of_the_image_is_not_there(
    rkt: Rktpy, tmp_path: Path, host: Path, directory: str
) -> None:
    done = rkt.run(image(tmp_path, links(host)), f"--working-dir={directory}")

    check_refusal(done, f'has no working directory "{directory}"', "run")
    assert rkt.pods() == []


def test_a_working_directory_that_the_kernel_lacks_is_told(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--working-dir=/proc/no/such", "--", "true")

    version = systemd_version("/usr/bin/systemd-nspawn")
    if KERNEL_DIRECTORIES.of(version):
        assert done.status == 200
        assert done.lines() == ["Error: Unable to enter the working directory"]
    else:
        said = f'systemd {version} of this host starts no app in working directory "/proc/no/such"'
        check_refusal(done, said, "run")
