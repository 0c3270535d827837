"""``--interactive`` at a terminal, all of it or in part, and how the terminal is left behind."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.terminal import Terminal

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy


def interactive(rkt: Rktpy, script: str, *options: str) -> list[str]:
    return rkt.argv("run", "--net=none", "--interactive", *options, SHELL, "--", script)


def test_an_app_reads_the_terminal(rkt: Rktpy) -> None:
    words = ("--check-tty", "--read-stdin")
    command = rkt.argv("run", "--net=none", "--interactive", INSPECT, "--", *words)
    with Terminal(command) as terminal:
        terminal.until(b"Enter text:")
        terminal.type(b"Saluton\n")
        status = terminal.end()

    assert status == 0
    assert b"Received text: Saluton" in terminal.seen
    assert b"stdin is a terminal" in terminal.seen


def test_the_app_has_the_size_of_the_window_and_hears_of_changes(rkt: Rktpy) -> None:
    script = "trap 'busybox stty size; exit' WINCH; busybox stty size; while :; do sleep 0.1; done"
    with Terminal(interactive(rkt, script)) as terminal:
        terminal.until(b"24 80")
        terminal.resize(50, 132)
        terminal.until(b"50 132")
        status = terminal.end()

    assert status == 0


def test_an_interrupt_goes_to_the_app_and_not_to_the_pod(rkt: Rktpy) -> None:
    script = "trap 'echo caught; exit 9' INT; echo up; while :; do sleep 0.1; done"
    with Terminal(interactive(rkt, script)) as terminal:
        terminal.until(b"up")
        terminal.type(b"\x03")
        terminal.until(b"caught")
        status = terminal.end()

    assert status == 9


def test_the_end_of_typing_is_the_end_of_input(rkt: Rktpy) -> None:
    with Terminal(interactive(rkt, "echo up; cat; echo over")) as terminal:
        terminal.until(b"up")
        terminal.type(b"text\n\x04")
        terminal.until(b"over")
        status = terminal.end()

    assert status == 0


def test_three_times_the_escape_key_kills_the_pod(rkt: Rktpy) -> None:
    with Terminal(interactive(rkt, "trap '' INT TERM; echo up; sleep 300")) as terminal:
        terminal.until(b"up")
        assert terminal.is_raw()
        terminal.type(b"\x1d\x1d\x1d")
        status = terminal.end()
        modes = terminal.modes()

    assert status != 0
    assert modes == terminal.start_modes


def test_the_screen_shows_nothing_but_the_app(rkt: Rktpy) -> None:
    with Terminal(interactive(rkt, "echo only this")) as terminal:
        terminal.end()

    assert terminal.seen == b"only this\r\n"


def test_what_is_typed_shows_on_the_terminal_and_not_in_a_piped_output(rkt: Rktpy) -> None:
    script = "echo name: >/dev/tty; read line; echo got $line; echo >/dev/tty $TERM; exit 3"
    with Terminal(interactive(rkt, script), ("stdout",)) as terminal:
        terminal.until(b"name:")
        terminal.type(b"hello\n")
        status = terminal.end()
        assert terminal.process.stdout is not None
        out = terminal.process.stdout.read()

    assert (status, out) == (3, b"got hello\n")
    assert terminal.seen == b"name:\r\nhello\r\nxterm\r\n"


def test_a_pipe_is_input_while_the_terminal_shows_the_output(rkt: Rktpy) -> None:
    with Terminal(interactive(rkt, "cat; tty; exit 3"), ("stdin",)) as terminal:
        assert terminal.process.stdin is not None
        terminal.process.stdin.write(b"one\n")
        terminal.until(b"one")
        raw = terminal.is_raw()
        terminal.process.stdin.close()
        status = terminal.end()

    assert not raw  # nobody reads the keyboard: an interrupt is one
    assert (status, terminal.seen) == (3, b"one\r\nnot a tty\r\n")


def test_an_interrupt_ends_a_pod_that_does_not_read_the_keyboard(rkt: Rktpy) -> None:
    script = "trap 'echo stopped; exit' TERM; echo up; while :; do sleep 0.1; done"
    with Terminal(interactive(rkt, script), ("stdin",)) as terminal:
        terminal.until(b"up")
        terminal.type(b"\x03")
        terminal.until(b"stopped")
        terminal.end()


@pytest.mark.parametrize("script", ["exit 0", "exit 7", "busybox stty -echo raw; kill -9 $$"])
def test_the_terminal_is_as_before_when_the_pod_ends(rkt: Rktpy, script: str) -> None:
    with Terminal(interactive(rkt, script)) as terminal:
        terminal.end()

        assert terminal.modes() == terminal.start_modes


def test_the_terminal_is_as_before_when_the_pod_is_terminated(rkt: Rktpy) -> None:
    with Terminal(interactive(rkt, "echo up; sleep 300")) as terminal:
        terminal.until(b"up")
        terminal.process.send_signal(signal.SIGTERM)
        terminal.end()

        assert terminal.modes() == terminal.start_modes


def test_the_next_command_puts_right_what_a_killed_pod_left(rkt: Rktpy) -> None:
    """In a script no shell does: it ends like any other program, and its shell believes it."""
    run = shlex.join(interactive(rkt, "echo up; sleep 300"))
    script = f"{run}; echo status $?; read go; {shlex.join(rkt.argv('list'))} >&2; echo listed"
    with Terminal(["sh", "-c", script]) as terminal:
        terminal.until(b"up")
        kill_only_pod(rkt)
        terminal.until(b"status 137")
        left_raw = terminal.is_raw()
        terminal.type(b"go\n")
        terminal.until(b"listed")

        assert left_raw
        assert terminal.modes() == terminal.start_modes


def test_a_terminal_that_is_raw_on_purpose_stays_so(rkt: Rktpy) -> None:
    pod, look = shlex.join(interactive(rkt, "echo pod")), shlex.join(rkt.argv("list"))
    with Terminal(
        ["sh", "-c", f"{pod}; stty raw -echo; {look}; stty -a >&2; echo over"]
    ) as terminal:
        terminal.until(b"over")

        assert b"-icanon" in terminal.seen


def test_another_terminal_is_not_what_a_killed_pod_left(rkt: Rktpy) -> None:
    run, look = (
        shlex.join(argv) for argv in (interactive(rkt, "echo up; sleep 300"), rkt.argv("list"))
    )
    raw = "import os, tty; tty.setraw(0); os.system(%r); os.system('stty -a'); print('over')"
    with Terminal(["sh", "-c", f"{run}; read go"]) as pod:
        pod.until(b"up")
        kill_only_pod(rkt)
        with Terminal([sys.executable, "-c", raw % look]) as terminal:
            terminal.until(b"over")

            assert b"-icanon" in terminal.seen


def kill_only_pod(rkt: Rktpy) -> None:
    (pod,) = rkt.pods()
    os.kill(int((rkt.data / "pods" / pod / "ppid").read_text()), signal.SIGKILL)


def test_a_shell_has_its_terminal_back_when_the_pod_is_killed(rkt: Rktpy) -> None:
    run = shlex.join(interactive(rkt, "echo up; sleep 300"))
    with Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"]) as terminal:
        terminal.type(b"PS1=; echo $((6*7))\n")
        terminal.until(b"42")
        modes = terminal.modes()
        terminal.type(run.encode() + b"; echo status $?\n")
        terminal.until(b"\nup\r\n")
        assert terminal.is_raw()
        kill_only_pod(rkt)
        terminal.until(b"status 137")

        assert terminal.modes() == modes
