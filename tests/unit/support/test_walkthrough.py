"""Promises of documents are found, and broken ones are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.walkthrough import Said, Step, steps

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = """\
Say hello:

```sh
echo hello
echo world
```

```
hello
w…d
```

```json
{"no": "step"}
```

```sh
true
```

In between, so no promise:

```
anything
```
"""
WRITES = """\
install -D -m 644 /dev/stdin '/etc/a.conf' <<'END OF FILE'
[A]
b=$c
END OF FILE
"""
HELLO = Step("echo hello\necho world\n", ("hello", "w…d"))


def test_steps_and_what_they_promise_are_read(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(DOCUMENT)

    assert steps(document) == [HELLO, Step("true\n")]


def test_a_block_behind_the_name_of_a_file_writes_it(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("Into `/etc/a.conf`:\n\n```ini\n[A]\nb=$c\n```\n\n```ini\n[No]\n```\n")

    assert steps(document) == [Step(WRITES)]


def test_kept_promises_are_found_in_their_order() -> None:
    assert Said(HELLO, "hello\nthere\nw o r l d\n").missing() == []


def test_a_broken_promise_is_told() -> None:
    assert Said(HELLO, "world\nhello\n").missing() == ["w…d"]


def test_a_failed_command_is_told_unless_its_status_is_shown() -> None:
    assert Said(HELLO, "failed: false\n").failed() == ["false"]
    assert Said(Step("false; echo $?"), "failed: false\n1\n").failed() == []
