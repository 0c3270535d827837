"""The signal that asks an app to end: an annotation of ours (``pod.app.annotations``).

Images of layers have it from ``STOPSIGNAL``.
"""

from __future__ import annotations

from rktpy.pod.app.annotations import AnnotationError, annotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import RuntimeApp

STOP_SIGNAL_ANNOTATION = "rktpy/docker/stop-signal"
_LAST = 64  # Linux has no signal above, whatever the machine
# Those systemd knows; written out, as the module signal costs 5 ms (design decision 14).
_NAMES = (
    "ABRT", "ALRM", "BUS", "CHLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "KILL", "PIPE",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN",
    "TTOU", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
)  # fmt: skip
_REAL_TIME = 30  # so many lie between SIGRTMIN and SIGRTMAX


def stop_signal(runtime: RuntimeApp, image: ImageManifest) -> str:
    """Return a signal as systemd names it, empty for the usual one.

    Raises:
        AnnotationError: the annotation has another value.
    """
    word = annotated(runtime, image, STOP_SIGNAL_ANNOTATION)
    if not word:
        return ""
    if word.isascii() and word.isdigit():
        if 0 < int(word[:4]) <= _LAST:
            return str(int(word))
    else:
        name = word.upper().removeprefix("SIG")
        if name in _NAMES or _is_real_time(name):
            return "SIG" + name
    hint = f"name a signal: --annotation={STOP_SIGNAL_ANNOTATION}=SIGTERM"
    raise AnnotationError(runtime.name, STOP_SIGNAL_ANNOTATION, word, hint)


def _is_real_time(name: str) -> bool:
    for start in ("RTMIN+", "RTMAX-"):
        number = name.removeprefix(start)
        if number != name and number.isascii() and number.isdigit():
            return int(number[:4]) <= _REAL_TIME
    return False
