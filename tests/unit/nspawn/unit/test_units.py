"""Pod plan → units: what makes a pod start, end and report as rkt's does."""

from __future__ import annotations

import pytest

from rktpy.flavour.plan import BindPlan, SocketPlan
from rktpy.nspawn.unit.quoting import QuotingError
from rktpy.nspawn.unit.units import unit_files, unit_links
from tests.unit.nspawn.plans import app, pod


def lines(text: str, name: str) -> list[str]:
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


def test_every_app_has_a_service_and_a_reaper() -> None:
    units = unit_files(pod(app("web"), app("db")))

    assert sorted(units) == [
        "db.service", "default.target", "reaper-db@.service", "reaper-web@.service",
        "stopped.service", "web.service",
    ]  # fmt: skip


def test_default_target_pulls_every_app() -> None:
    target = unit_files(pod(app("web"), app("db")))["default.target"]

    assert lines(target, "Wants") == [
        "supervisor-ready.socket stopped.service", "web.service", "db.service",
    ]  # fmt: skip


def test_the_pod_is_not_ready_while_the_reaper_of_a_failed_app_is_at_work() -> None:
    after = lines(unit_files(pod(app("web")))["default.target"], "After")

    assert after == ["stopped.service", "web.service", "reaper-web@failure.service"]


def test_an_app_that_has_ended_either_way_starts_its_reaper() -> None:
    unit = unit_files(pod())["web.service"]

    assert lines(unit, "OnSuccess") == ["reaper-web@success.service"]
    assert lines(unit, "OnFailure") == ["reaper-web@failure.service"]


def test_the_pod_ends_after_apps_and_reapers_and_with_the_status_of_a_reaper() -> None:
    units = unit_files(pod())

    for name in ("web.service", "reaper-web@.service"):
        assert "apps.target" in lines(units[name], "Wants")[0].split()
        assert "apps.target" in lines(units[name], "After")[0].split()
    assert lines(units["reaper-web@.service"], "FailureAction") == ["exit"]


def test_a_reaper_that_was_started_is_let_write_the_status() -> None:
    assert lines(unit_files(pod())["reaper-web@.service"], "KillSignal") == ["SIGCONT"]


def test_apps_that_are_stopped_with_the_pod_have_a_unit_that_waits_for_none_of_them() -> None:
    unit = unit_files(pod(app("web"), app("db")))["stopped.service"]

    assert lines(unit, "ExecStop") == ['/usr/bin/sh /rkt/libexec/stopped "web" "db"']
    # Which is up before any app, and stopped after this unit: the pod ends with it.
    assert lines(unit, "After") == ["apps.target"]


def test_reaper_and_app_end_before_the_pod_does() -> None:
    units = unit_files(pod())

    for name in ("web.service", "reaper-web@.service", "stopped.service"):
        assert lines(units[name], "Conflicts") == ["shutdown.target"]
        assert lines(units[name], "Before") == ["shutdown.target"]


def test_the_reaper_hears_of_the_program_with_odd_characters() -> None:
    reaper = unit_files(pod(app(argv=("/no such $file",))))["reaper-web@.service"]

    assert lines(reaper, "ExecStart")[0].endswith('"/opt/stage2/web/rootfs" "/no such $$file"')


def test_only_a_pod_that_a_service_may_start_again_has_a_reboot() -> None:
    plain, rebooting = unit_files(pod()), unit_files(pod(reboots=True))

    assert rebooting == plain | {
        "systemd-reboot.service.d/pod.conf": "[Unit]\nSuccessAction=reboot-force\n"
    }


def test_hooks_run_as_root_inside_the_app() -> None:
    unit = unit_files(pod(app(uid=1000, pre_start=(("/pre",),), post_stop=(("/post", "x"),))))[
        "web.service"
    ]

    assert lines(unit, "ExecStartPre") == ['!"/pre"']
    assert lines(unit, "ExecStopPost") == ['!"/post" "x"']
    assert lines(unit, "User") == ["1000"]


def test_an_app_is_not_started_again_unless_that_is_asked_for() -> None:
    unit = unit_files(pod())["web.service"]

    assert lines(unit, "Restart") == ["no"]
    assert "StartLimit" not in unit


def test_an_app_that_cannot_stay_up_is_given_up() -> None:
    for policy in ("on-failure", "always"):
        unit = unit_files(pod(app(restart=policy)))["web.service"]
        unit_section = unit.partition("[Service]")[0]

        assert lines(unit, "Restart") == [policy]
        assert lines(unit_section, "StartLimitIntervalSec") == ["10"]
        assert lines(unit_section, "StartLimitBurst") == ["5"]


def test_a_restart_is_no_end() -> None:
    once, again = (
        unit_files(pod(app(restart=policy)))["reaper-web@.service"] for policy in ("no", "always")
    )

    assert lines(once, "Conflicts") == ["shutdown.target"]
    assert lines(again, "Conflicts") == ["shutdown.target", "web.service"]


@pytest.mark.parametrize(("has", "modes"), [(False, []), (True, ["direct"])])
def test_a_systemd_that_has_modes_of_restart_is_told_so_itself(
    *, has: bool, modes: list[str]
) -> None:
    once, again = (
        unit_files(pod(app(restart=policy), restart_mode=has))["web.service"]
        for policy in ("no", "on-failure")
    )

    assert lines(once, "RestartMode") == []
    assert lines(again, "RestartMode") == modes


def test_a_death_by_a_polite_signal_is_a_failure_as_for_the_pod() -> None:
    failing, always = (
        unit_files(pod(app(restart=policy)))["web.service"] for policy in ("on-failure", "always")
    )

    assert lines(failing, "RestartForceExitStatus") == ["SIGHUP SIGINT SIGTERM SIGPIPE"]
    assert lines(always, "RestartForceExitStatus") == []


def test_an_app_that_is_watched_can_speak_to_the_pod_s_systemd() -> None:
    silent, watched = (unit_files(pod(app(watchdog=ms)))["web.service"] for ms in (0, 1500))
    socket = "/run/systemd/notify"

    assert lines(watched, "WatchdogSec") == ["1500ms"]
    assert lines(watched, "Type") == ["exec"], "it need not say READY=1"
    assert socket in lines(watched, "BindPaths")
    assert lines(silent, "WatchdogSec") == []
    assert socket not in lines(silent, "BindPaths")


def test_an_app_is_asked_to_end_by_its_own_signal() -> None:
    usual, own = (unit_files(pod(app(stop_signal=s)))["web.service"] for s in ("", "SIGQUIT"))

    assert lines(usual, "KillSignal") == []
    assert lines(own, "KillSignal") == ["SIGQUIT"]


def test_a_host_name_that_systemd_would_change_is_read_from_the_file() -> None:
    plain, odd = (unit_files(pod(hostname=name))["web.service"] for name in ("a-b", "a_b"))

    assert "-/proc/sys/kernel/hostname:/etc/hostname" in lines(plain, "BindPaths")
    assert "-/etc/hostname" in lines(odd, "BindPaths")


def test_only_interactive_pods_get_the_terminal() -> None:
    unit = unit_files(pod())["web.service"]
    interactive = unit_files(pod(interactive=True))["web.service"]

    assert lines(unit, "StandardInput") == ["null"]
    assert lines(unit, "StandardOutput") == ["journal+console"]
    assert lines(interactive, "StandardInput") == ["tty"]


def test_an_app_that_opens_its_output_by_name_has_a_fifo_as_both() -> None:
    units = unit_files(pod(app("web", reopens=True), app("db")))
    web, database = units["web.service"], units["db.service"]

    assert lines(web, "StandardOutput") == ["file:/run/rkt/output/web"]
    assert lines(web, "StandardError") == ["file:/run/rkt/output/web"]
    assert "output@web.socket" in lines(web, "Requires")
    assert "output@web.service" in lines(web, "Wants")
    assert "output@web.socket output@web.service" in lines(web, "After")
    assert "output@" not in database


def test_there_is_no_fifo_for_what_is_thrown_away() -> None:
    half = unit_files(pod(app(reopens=True, discarded=("stdout",))))["web.service"]
    none = unit_files(pod(app(reopens=True, discarded=("stdout", "stderr"))))["web.service"]

    assert lines(half, "StandardOutput") == ["null"]
    assert lines(half, "StandardError") == ["file:/run/rkt/output/web"]
    assert "output@" not in none


def test_handed_streams_come_with_a_unit_made_by_request() -> None:
    units = unit_files(pod(interactive=True, handed_streams=(0, 1)))
    unit = units["web.service.d/pod.conf"]

    assert "web.service" not in units  # or PID 1 would refuse to make one
    assert lines(unit, "ExecStart") == ['"/bin/server" "--flag"']
    assert [line for line in unit.splitlines() if line.startswith("Standard")] == []
    assert "streams.service" in lines(units["default.target"], "After")
    assert "streams.service" in lines(units["default.target"], "Wants")


def test_an_app_in_a_pipeline_dies_of_a_reader_that_left() -> None:
    assert lines(unit_files(pod(interactive=True))["web.service"], "IgnoreSIGPIPE") == ["no"]
    assert lines(unit_files(pod())["web.service"], "IgnoreSIGPIPE") == []


def test_a_volume_on_sys_or_a_device_replaces_what_the_pod_provides() -> None:
    binds = (BindPlan("/srv/sys", "/sys/fs"), BindPlan("/dev/zero", "/dev/null"))
    unit = unit_files(pod(app(binds=binds)))["web.service"]

    assert "/sys" not in lines(unit, "BindPaths")
    assert "-/dev/null" not in lines(unit, "BindPaths")
    assert "-/dev/zero" in lines(unit, "BindPaths")


def test_generated_etc_files_yield_to_volumes() -> None:
    binds = (BindPlan("/srv/hosts", "/etc/hosts"),)
    files = (("/etc/rkt-hosts", "/etc/hosts"), ("/etc/rkt-resolv.conf", "/etc/resolv.conf"))
    unit = unit_files(pod(app(binds=binds, files=files)))["web.service"]

    provided = lines(unit, "BindPaths")
    assert any(line.endswith(":/etc/resolv.conf") for line in provided)
    assert not any(line.endswith(":/etc/hosts") for line in provided)


def test_sockets_make_a_unit_for_each_name_of_theirs() -> None:
    first = SocketPlan((("ListenStream", "[::]:80"), ("ListenDatagram", "53")), "a%b")
    plan = pod(app(sockets=(first, SocketPlan((("ListenStream", "/run/x"),)))))
    units = unit_files(plan)

    assert lines(units["web.socket"], "ListenStream") == ["[::]:80"]
    assert lines(units["web.socket"], "ListenDatagram") == ["53"]
    assert lines(units["web.socket"], "FileDescriptorName") == ["a%%b"]
    assert lines(units["web@2.socket"], "ListenStream") == ["/run/x"]
    assert lines(units["web@2.socket"], "FileDescriptorName") == []
    assert lines(units["web.service"], "Sockets") == ["web.socket", "web@2.socket"]
    assert {"web.socket", "web@2.socket"} <= set(lines(units["web.service"], "Requires"))
    assert unit_links(plan) == {
        "sockets.target.wants/web.socket": "../web.socket",
        "sockets.target.wants/web@2.socket": "../web@2.socket",
    }


def test_a_connection_does_not_start_an_app_that_has_ended() -> None:
    plan = pod(app(sockets=(SocketPlan((("ListenStream", "80"),)),)))
    unit = unit_files(plan)["web.socket"]

    assert lines(unit, "Service") == ["stopped.service"]
    assert "web.socket" in lines(unit_files(plan)["default.target"], "Wants")  # with it, or never
    assert lines(unit, "Conflicts") == []  # a stop job makes systemd hang up on who waits


def test_percent_signs_of_an_image_name_are_not_expanded() -> None:
    unit = unit_files(pod(app(image_name="a%b")))["web.service"]

    assert lines(unit, "Description") == ["Application=web Image=a%%b"]


def test_the_pod_does_not_end_before_its_journal_runs() -> None:
    reaper = unit_files(pod())["reaper-web@.service"]

    assert "systemd-journald.service" in lines(reaper, "After")[0].split()


def test_links_of_the_image_are_bound_where_they_end() -> None:
    places = {"/etc/hosts": '/o dd/a:b"c\\d%h', "/dev/null": "/devices/null"}
    plain = app(files=(("/etc/rkt-hosts", "/etc/hosts"),), places=places)

    unit = unit_files(pod(plain))["web.service"]

    assert '-/etc/rkt-hosts:"/o dd/a:b\\"c\\\\d%%h"' in lines(unit, "BindPaths")
    assert "-/dev/null:/devices/null" in lines(unit, "BindPaths")


def test_a_place_with_a_line_break_is_refused() -> None:
    with pytest.raises(QuotingError):
        unit_files(pod(app(places={"/dev/null": "/a\nb"})))
