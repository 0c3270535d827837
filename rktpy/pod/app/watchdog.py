"""How long an app may be silent: an annotation of ours (``app.annotations``), never endless.

``WatchdogSec=`` of the host's unit is answered by systemd-nspawn, which knows nothing of apps. So
an app says WATCHDOG=1 to the pod's own systemd (docs/adr/0031).
"""

from __future__ import annotations

from rktpy.pod.app.annotations import AnnotationError, annotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import RuntimeApp

WATCHDOG_ANNOTATION = "rktpy/app/watchdog"
# Read alike by Go, whose durations rkt's options are, and by systemd.
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}  # in milliseconds
_LONGEST = 24 * 3_600_000
_LONGEST_TEXT = 32
_USEC_PER_MSEC = 1000


def watchdog(runtime: RuntimeApp, image: ImageManifest) -> int:
    """Return after how many milliseconds of silence an app of ``image`` is killed; 0 is never.

    Raises:
        AnnotationError: the annotation is no such time.
    """
    word = annotated(runtime, image, WATCHDOG_ANNOTATION)
    if word is None or word == "0":
        return 0
    found = _milliseconds(word)
    if not 0 < found <= _LONGEST:
        hint = "give a time of up to 24h, such as 30s or 1m30s, or 0 for none"
        raise AnnotationError(runtime.name, WATCHDOG_ANNOTATION, word, hint)
    return found


def watch_of_host(environ: Mapping[str, str], pid: int) -> str:
    """Return how long the unit lets its main process ``pid`` be silent, as the annotation has it.

    Empty if no unit does (sd_watchdog_enabled(3)).
    """
    limit = environ.get("WATCHDOG_USEC", "")
    if environ.get("WATCHDOG_PID") != str(pid) or not (limit.isascii() and limit.isdigit()):
        return ""
    milliseconds = int(limit[:_LONGEST_TEXT]) // _USEC_PER_MSEC
    seconds, rest = divmod(milliseconds, 1000)
    return f"{milliseconds}ms" if rest else f"{seconds}s"


def _milliseconds(word: str) -> int:
    """Return what ``1m30s`` and the like say; 0 if it is not a time."""
    total, at = 0, 0
    if len(word) > _LONGEST_TEXT or not word.isascii():
        return 0
    while at < len(word):
        digits = at
        while at < len(word) and word[at].isdigit():
            at += 1
        letters = at
        while at < len(word) and word[at].isalpha():
            at += 1
        factor = _UNITS.get(word[letters:at])
        if digits == letters or factor is None:
            return 0
        total += int(word[digits:letters]) * factor
    return total
