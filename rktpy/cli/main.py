"""The front desk: argv to a handler, errors to stderr, everything to an exit status.

A well-formed call goes through the argv walk alone; ``rktpy.cli.front`` (click) is imported for
help, completion and usage errors only.
"""

from __future__ import annotations

import os
import sys

from rktpy import log
from rktpy.cli import walk
from rktpy.cli.call import Call, say
from rktpy.cli.spec import IMAGES, IMAGES_ONLY
from rktpy.cli.table import ROOT
from rktpy.errors import RktError, UsageError
from rktpy.host import terminal
from rktpy.verbs.site import Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

    from rktpy.cli.spec import Command
    from rktpy.image.means import Talk

FAILED = 254
NO_COMMAND = 2
COMPLETION_VARIABLE = "_RKTPY_COMPLETE"


class NotPrivilegedError(RktError):
    """The command is for root."""


class NotImplementedYetError(RktError):
    """rkt has the command, this version of rktpy does not."""


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out the command line and return the exit status. Nothing but ``SystemExit`` escapes."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if COMPLETION_VARIABLE in os.environ:
            from rktpy.cli import shells

            return shells.answer(os.environ[COMPLETION_VARIABLE], program_name())
        return Desk(words, os.environ, program_name()).serve()
    except KeyboardInterrupt:
        return _die_of("SIGINT")
    except BrokenPipeError:
        return _die_of("SIGPIPE")


def run() -> NoReturn:
    """Carry out the command line and end the process: what the launcher calls.

    Ours to skip: tearing the interpreter down takes 4 ms, with HTTP imported 10, and frees what the
    kernel frees anyway.
    """
    import gc

    # The launcher switched it off while importing; what is left to collect is little.
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    _fill_closed_streams()
    _keep_statuses()
    status = main()
    if _has_threads():
        sys.exit(status)  # waits for them
    if "atexit" in sys.modules:
        # Somebody counts on an orderly end, and nothing public offers just this part of it.
        sys.modules["atexit"]._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:  # closed by the caller
                stream.flush()
        except OSError:
            status = status or FAILED
    os._exit(status)


def _has_threads() -> bool:
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _fill_closed_streams() -> None:
    """Keep 0, 1 and 2 from being given to a lock or a database, which a pod would then write to.

    A closed output stays one that cannot be written to; a closed input is an empty one.
    """
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free: this one
            os.set_inheritable(fd, True)


def _keep_statuses() -> None:
    """Have the kernel keep the statuses of what we start until we ask for them. A caller may have
    told it not to (SIGCHLD ignored), and execve(2) hands that on, to systemd-nspawn too.
    """
    import _signal  # type: ignore[import-not-found]  # typeshed knows only signal (enum: 5 ms)

    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)


def program_name() -> str:
    """Return ``rkt`` when called through that alias, else ``rktpy``."""
    return "rkt" if os.path.basename(sys.argv[0]) == "rkt" else "rktpy"


def help_text(command: Command, program: str) -> str:
    """Return the usage text of ``command``; help works even where click is broken or missing."""
    try:
        from rktpy.cli import front
    except ImportError:
        from rktpy.cli import usage

        return usage.usage_text(command, program)
    return front.help_text(command, program)


def _die_of(name: str) -> int:
    """End as a C program would, so that the shell sees the signal and stops its loop."""
    import _signal

    number: int = getattr(_signal, name)
    _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    return 128 + number


class Desk:
    """Serves one command line. Keeps what the error printer needs to know."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], program: str) -> None:
        self.words = words
        self.environ = environ
        self.program = program
        self.command = ROOT
        # Refined once the options are read; a bug before that point is worth its traceback too.
        self.debug = "--debug" in words

    def serve(self) -> int:
        try:
            return self._serve()
        except walk.UnknownCommandError as error:
            return self._unknown_command(error)
        except UsageError as error:
            return self._usage_error(error)
        except (KeyboardInterrupt, BrokenPipeError, SystemExit):
            raise
        except Exception as error:  # noqa: BLE001 - the one place that may catch everything
            return self._failure(error)

    def _serve(self) -> int:
        self.command, rest = walk.find(self.words, self.environ, self.program)
        reading = walk.read(self.command, rest, self.environ)
        self.debug = bool(reading.values.get("debug"))
        if reading.values.get("help"):
            return self._help()
        if self.command.commands and not (self.command.handler and rest):
            return self._missing_command() if self.command is ROOT else self._help()
        for notice in reading.notices:
            log.write_line(notice)
        if not self.command.ready:
            raise NotImplementedYetError(_missing(self.command))
        if self.command.root and os.geteuid() != 0:
            raise NotPrivilegedError("cannot run as unprivileged user")
        call = self._call(reading, rest)
        if reading.values.get("help"):
            return self._help()
        if terminal.is_raw():
            from rktpy.pod.after.terminal import put_terminal_right

            put_terminal_right(call.site.layout)
        return _profiled(_handler(self.command), call)

    def _call(self, reading: walk.Reading, words: list[str]) -> Call:
        apps = []
        args = reading.args
        if self.command.grammar in (IMAGES, IMAGES_ONLY):
            from rktpy.cli.apps import read_images

            seen = len(reading.notices)
            apps = read_images(reading)
            args = []
            for notice in reading.notices[seen:]:
                log.write_line(notice)
        else:
            walk.count_arguments(reading)
        options = reading.options()
        self.debug = bool(options["debug"])
        if self.debug:
            log.enable_debug()
        return Call(
            site=_site(options, reading.given, self.command),
            command=self.command,
            options=options,
            given=frozenset(reading.given),
            args=args,
            apps=apps,
            program=self.program,
            typed=tuple(words),
        )

    def _help(self) -> int:
        say(help_text(self.command, self.program))
        return 0

    def _missing_command(self) -> int:
        log.write_line(f"{self.program}: missing command")
        self._help()
        return NO_COMMAND

    def _unknown_command(self, error: walk.UnknownCommandError) -> int:
        from rktpy.cli import usage

        similar = usage.similar_commands(error.group, error.word, self.environ)
        lines = [f"Error: {error.message}"]
        if similar:
            lines += ["", "Did you mean this?", *(f"\t{name}" for name in similar), ""]
        log.write_line("\n".join(lines))
        log.write_line(f"Run '{self.program} --help' for usage.")
        return FAILED

    def _usage_error(self, error: UsageError) -> int:
        from rktpy.cli import errors

        if error.message:
            cause = error.__cause__
            tail = f": {errors.message(errors.causes(cause)[-1])}" if cause is not None else ""
            tail += f" ({error.hint})" if error.hint else ""
            log.write_line(f"Error: {error.message}{tail}")
        self._help()
        return error.exit_code

    def _failure(self, error: Exception) -> int:
        from rktpy.cli import errors

        prefix = self.command.leaf if self.command.path else self.program
        if errors.is_expected(error):
            log.write_line(errors.describe(prefix, error, debug=self.debug))
        else:
            log.write_line(errors.describe_bug(prefix, error, debug=self.debug))
        return error.exit_code if isinstance(error, RktError) else FAILED


def _missing(command: Command) -> str:
    return f"{' '.join(command.path)} is not implemented yet"


def _handler(command: Command) -> Callable[[Call], int]:
    """Import the function that carries ``command`` out."""
    module, _, name = command.handler.partition(":")
    full = f"rktpy.cli.commands.{module}"
    try:
        found = __import__(full, fromlist=[name])
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
        raise NotImplementedYetError(_missing(command)) from None
    handler: Callable[[Call], int] = getattr(found, name)
    return handler


def _site(options: dict[str, object], given: set[str], command: Command) -> Site:
    def talk() -> Talk:
        from rktpy.cli.talk import Terminal  # downloads and keys only

        return Terminal(
            results=command.leaf == "trust",
            quiet=bool(options.get("quiet")),
            keep=command.leaf != "run",
        )

    values: dict[str, object] = {
        "system_config": options["system-config"],
        "local_config": options["local-config"],
        "user_config": options["user-config"],
        "insecure": options["insecure-options"],
        "debug": options["debug"],
        "trust_keys_from_https": options["trust-keys-from-https"],
        "data_dir": options["dir"] if "dir" in given else "",
        "talk": talk,
    }
    return Site(**values)  # type: ignore[arg-type]  # the table's kinds give these types


def _profiled(handler: Callable[[Call], int], call: Call) -> int:
    if call.options["cpuprofile"] or call.options["memprofile"]:
        from rktpy.cli import profiling

        return profiling.run(handler, call)
    return handler(call)
