"""Where the standard streams of an app lead, by annotations of the pod manifest.

``null`` throws output away; anything else is logged. ``stream`` and ``tty`` are for attaching to
(rkt: stage1/init/common/pod.go).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.pod import RuntimeApp

STREAM_ANNOTATION = "coreos.com/rkt/stage2/"  # followed by stdin, stdout or stderr
_INPUT, _OUTPUTS = "stdin", ("stdout", "stderr")
_DISCARDED = "null"
_ATTACHABLE = ("stream", "tty")


def discarded_streams(runtime: RuntimeApp) -> tuple[str, ...]:
    """Return which of ``stdout`` and ``stderr`` of an app are thrown away."""
    return tuple(name for name in _OUTPUTS if _mode(runtime, name) == _DISCARDED)


def attachable_streams(runtime: RuntimeApp) -> tuple[str, ...]:
    """Return which streams of an app somebody is to attach to."""
    return tuple(name for name in (_INPUT, *_OUTPUTS) if _mode(runtime, name) in _ATTACHABLE)


def _mode(runtime: RuntimeApp, name: str) -> str | None:
    return runtime.annotation(STREAM_ANNOTATION + name)
