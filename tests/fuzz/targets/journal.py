"""What journalctl prints of a pod's journal, in pieces of any size, and what we print of that."""

from __future__ import annotations

from rktpy.systemd.journal import Parser
from rktpy.verbs.report.loglines import JsonPrinter, TextPrinter
from tests.fuzz.mutate import text
from tests.fuzz.target import Target

_ENTRY = (
    b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1700000000000000\n_PID=7\n_SYSTEMD_UNIT=web.service\n"
    b"_STREAM_ID=a\n_LINE_BREAK=nul\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\xffc\n\n"
)
_WORDS = (
    _ENTRY,
    b"MESSAGE=x\n",
    b"MESSAGE\n\x01\0\0\0\0\0\0\0a\n",
    b"\n\n",
    b"=\n",
    b"_LINE_BREAK=\xff\n",
)


def _run(data: bytes) -> None:
    whole = Parser().feed(data)
    step = 1 + len(data) // 50
    parser = Parser()
    pieces = [e for at in range(0, len(data), step) for e in parser.feed(data[at : at + step])]
    assert pieces == whole
    # journalctl gives each entry its time and the number of its process.
    known = [{b"__REALTIME_TIMESTAMP": b"0"} | entry for entry in whole]
    good = [
        e
        for e in known
        if e[b"__REALTIME_TIMESTAMP"].isdigit() and len(e[b"__REALTIME_TIMESTAMP"]) < 17
    ]
    good = [e for e in good if e.get(b"_PID", b"0").isdigit() and len(e.get(b"_PID", b"0")) < 10]
    for apps in (("web",), ("web", "db")):
        TextPrinter(apps, timestamps=True)(good)
        JsonPrinter(apps, pretty=False)(good)


TARGET = Target(_run, lambda: [_ENTRY, _ENTRY * 3, *_WORDS], text(*_WORDS))
