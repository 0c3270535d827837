"""Units of pods that have ended, and of those without a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy


def test_the_unit_of_a_pod_that_ended_has_its_words_and_the_id_of_its_image(rkt: Rktpy) -> None:
    with rkt.start("run", "--net=none", SHELL, "--memory=64M", "--", "exit 3") as pod:
        uuid = pod.uuid
        assert pod.end().status == 3

    done = rkt("generate", "unit", uuid[:8])
    file = rkt.ok("generate", "unit", "--format=pod", uuid)

    assert (done.status, done.err) == (0, "")
    (line,) = [line for line in done.out.splitlines() if line.startswith("ExecStart=")]
    words = line.split(" --pod-name=")[1]
    assert words.startswith(f"pod-{uuid[:8]} --uuid-file-save=")
    assert " --net=none sha512-" in words
    assert words.endswith(' --memory=64M -- "exit 3" ---')
    assert "network-online" not in done.out  # nothing is fetched
    assert "Pull=never\n" in file
    assert f'\nImage={words.split()[3]}\nMemory=64M\nArgs="exit 3"\n' in file


def test_what_was_typed_is_for_root_alone(rkt: Rktpy) -> None:
    with rkt.start("run", "--net=none", SHELL, "--", "exit 0") as pod:
        uuid = pod.uuid
        pod.end()

    (record,) = rkt.data.glob(f"pods/*/{uuid}/command")
    assert record.stat().st_mode & 0o777 == 0o600


def test_a_prepared_pod_gives_what_it_was_prepared_and_started_with(rkt: Rktpy) -> None:
    uuid = rkt.ok("prepare", "--quiet", "--pod-label=a=b", SHELL, "--memory=64M", "--", "exit 3")
    uuid = uuid.strip()
    prepared = rkt.ok("generate", "unit", uuid)
    with rkt.start("run-prepared", "--net=none", "--hostname=web", uuid) as pod:
        assert pod.end().status == 3

    started = rkt.ok("generate", "unit", uuid)

    assert " --pod-label=a=b sha512-" in prepared
    assert " --pod-label=a=b --net=none --hostname=web sha512-" in started
    assert ' --memory=64M -- "exit 3" ---\n' in started
    assert "--quiet" not in started


def test_a_pod_of_an_older_version_has_no_record_and_that_is_said(rkt: Rktpy) -> None:
    uuid = rkt.ok("prepare", SHELL).strip()
    (rkt.data / f"pods/prepared/{uuid}/command").unlink()

    done = rkt("generate", "unit", uuid)

    assert done.status == 254
    assert f"pod {uuid} has no record of its command line" in done.err
    assert "write the images and options that rktpy run would get" in done.err


def test_options_of_run_do_not_go_with_a_pod(rkt: Rktpy) -> None:
    with rkt.start("run", "--net=none", SHELL, "--", "exit 0") as pod:
        uuid = pod.uuid
        pod.end()

    done = rkt("generate", "unit", "--net=host", uuid)

    assert done.status != 0
    assert "a pod keeps the options it was run with" in done.err
