"""The status of a pod and of its apps (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run

_STATUS = ("status", "{uuid}")
_HELLO = "--print-msg=HelloWorld"


def rows() -> list[Row]:
    return [*(_one(code) for code in (0, 1, 2)), *_three()]


def _one(code: int) -> Row:
    image = Image((_HELLO, f"--exit-code={code}"))
    words = run("--uuid-file-save={uuid_file}", "{image}")
    ran = Run(("--debug", *words), (image,), code, after=_STATUS)
    return Row(f"status {code}", ran, f"(?s)HelloWorld.*app-rkt-inspect={code}\\s")


def _three() -> list[Row]:
    images = tuple(
        Image((_HELLO, f"--exit-code={code}", f"--sleep={seconds}"), f"coreos.com/hello{number}")
        for number, code, seconds in ((0, 0, 1), (1, 5, 1), (2, 6, 2))
    )
    words = run("--uuid-file-save={uuid_file}", "{image}", "{image2}", "{image3}")
    ran = Run(("--debug", *words), images, status=5, after=_STATUS)
    return [
        Row("of three apps the first to fail decides", ran, "(?s)(HelloWorld.*){3}"),
        Row("status of the app that ended well", ran, r"app-hello0=0\s"),
        Row("status of the app that failed", ran, r"app-hello1=5\s"),
        Row("status of the app that was stopped", ran, r"app-hello2=0\s"),
    ]
