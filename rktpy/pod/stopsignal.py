"""The signal that asks an app to end: an annotation of ours, on the app or its image.

Images of layers have it from ``STOPSIGNAL``. What the pod manifest says of the app
(``--annotation``) wins over what the image says.
"""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError

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


class StopSignalError(RktError):
    """The annotation of an app names no signal."""

    def __init__(self, app: str, word: str) -> None:
        super().__init__(
            f"annotation {STOP_SIGNAL_ANNOTATION} of app {quote(app)} is {quote(word)}",
            hint=f"name a signal: --annotation={STOP_SIGNAL_ANNOTATION}=SIGTERM",
        )


def stop_signal(runtime: RuntimeApp, image: ImageManifest) -> str:
    """Return a signal as systemd names it, empty for the usual one.

    Raises:
        StopSignalError: the annotation has another value.
    """
    word = runtime.annotation(STOP_SIGNAL_ANNOTATION)
    if word is None:
        word = image.annotation(STOP_SIGNAL_ANNOTATION)
    if not word:
        return ""
    if word.isascii() and word.isdigit():
        if not 0 < int(word[:4]) <= _LAST:
            raise StopSignalError(runtime.name, word)
        return str(int(word))
    name = word.upper().removeprefix("SIG")
    if name in _NAMES or _is_real_time(name):
        return "SIG" + name
    raise StopSignalError(runtime.name, word)


def _is_real_time(name: str) -> bool:
    for start in ("RTMIN+", "RTMAX-"):
        number = name.removeprefix(start)
        if number != name and number.isascii() and number.isdigit():
            return int(number[:4]) <= _REAL_TIME
    return False
