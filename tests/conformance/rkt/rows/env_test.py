"""Where a variable of an app comes from (rkt-cli.md 12.3)."""

from __future__ import annotations

from tests.conformance.rkt.row import Entry, Image, Row, Run, Shown, run

_ENTER = (
    "integration/run/test_environment.py::test_enter_sees_the_environment_of_an_interactive_app"
)
_OWN, _OTHER = "VAR_FROM_MANIFEST", "VAR_OTHER"


def rows() -> list[Entry]:
    def row(name: str, variable: str, value: str, *words: str, **env: str) -> Row:
        ran = Run(run(*words, "{image}"), (Image((f"--print-env={variable}",)),), env=env)
        return Row(name, ran, f"{variable}={value}\\s")

    path = Run(run("--set-env-file={env_file}", "{image}"), (Image(("--check-path",)),))
    return [
        row("the manifest's", _OWN, "manifest"),
        row("set", _OTHER, "setenv", f"--set-env={_OTHER}=setenv"),
        row("set over the manifest's", _OWN, "setenv", f"--set-env={_OWN}=setenv"),
        row("inherited", _OTHER, "host", "--inherit-env=true", VAR_OTHER="host"),
        row("the manifest's over inherited", _OWN, "manifest", "--inherit-env=true",
            VAR_FROM_MANIFEST="host"),
        row("set over inherited", _OTHER, "setenv", "--inherit-env=true",
            f"--set-env={_OTHER}=setenv", VAR_OTHER="host"),
        row("not inherited", _OTHER, "", VAR_OTHER="host"),
        row("set over a file's", _OTHER, "setenv", f"--set-env={_OTHER}=setenv",
            "--set-env-file={env_file}"),
        row("a file's", _OTHER, "file", "--set-env-file={env_file}"),
        Row("a clean PATH", path, "PATH is good"),
        Shown("TERM by option", _ENTER),
        Shown("TERM of the caller in enter", _ENTER),
        Shown("the same in enter beside an interactive app", _ENTER),
    ]  # fmt: skip
