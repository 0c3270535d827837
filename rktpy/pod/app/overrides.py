"""What a command line says about one app, beside the image it comes from.

``AppSpec`` is that, as domain values; the ``parse_…`` functions read the values of the
per-image options (rkt: rkt/cli_apps.go).
"""

from __future__ import annotations

from rktpy.appc import isolator, isolators
from rktpy.appc.pod import Mount
from rktpy.appc.quantity import Quantity
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    from rktpy.appc.isolator import Isolator

    Pairs = tuple[tuple[str, str], ...]
    T = TypeVar("T")

LEAST_MEMORY = 4096  # bytes; less is a typing error such as 16m (thousandths of a byte)

_CAPABILITIES = (isolator.CAPS_RETAIN, isolator.CAPS_REMOVE)
_SECCOMP = (isolator.SECCOMP_RETAIN, isolator.SECCOMP_REMOVE)
# Which of the image's isolators go when the command line brings one. Memory and cpu stay: the
# last one counts.
_REPLACED = {
    isolator.CPU_SHARES: (isolator.CPU_SHARES,),
    isolator.OOM_SCORE_ADJ: (isolator.OOM_SCORE_ADJ,),
    isolator.PIDS: (isolator.PIDS,),
    **dict.fromkeys(_CAPABILITIES, _CAPABILITIES),
    **dict.fromkeys(_SECCOMP, _SECCOMP),
}


class OverrideError(RktError):
    """The value of a per-image option cannot be used; the message is the reason alone."""


class OptionValueError(RktError):
    """An option was given a value that it cannot have; the message names both."""

    def __init__(self, option: str, value: str, reason: str) -> None:
        super().__init__(f"invalid argument {quote(value)} for --{option}: {reason}")


class AppSpec(Value):
    """One image of a command line and what was said about the app made from it.

    Empty texts and tuples mean that nothing was said and the image decides; ``None`` for
    ``supplementary_gids`` likewise.
    """

    image: str
    args: tuple[str, ...] = ()
    signature: str = ""
    name: str = ""
    exec: str = ""
    working_directory: str = ""
    user: str = ""
    group: str = ""
    supplementary_gids: tuple[int, ...] | None = None
    read_only_rootfs: bool = False
    mounts: tuple[Mount, ...] = ()
    environment: Pairs = ()
    annotations: Pairs = ()
    user_annotations: Pairs = ()
    user_labels: Pairs = ()
    isolators: tuple[Isolator, ...] = ()
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""


def read_spec(image: str, args: Iterable[str], options: Mapping[str, Any]) -> AppSpec:
    """Return what the per-image ``options`` (long name -> typed value) say about ``image``.

    Raises:
        OptionValueError: one of them has a value that it cannot have.
    """
    return AppSpec(
        image=image,
        args=tuple(args),
        signature=options.get("signature", ""),
        name=options.get("name", ""),
        exec=options.get("exec", ""),
        working_directory=options.get("working-dir", ""),
        user=options.get("user", ""),
        group=options.get("group", ""),
        supplementary_gids=options.get("supplementary-gids"),
        read_only_rootfs=options.get("readonly-rootfs", False),
        mounts=read_mounts(options.get("mount", ())),
        environment=tuple(options.get("environment", ())),
        annotations=tuple(options.get("annotation", ())),
        user_annotations=tuple(options.get("user-annotation", ())),
        user_labels=tuple(options.get("user-label", ())),
        isolators=tuple(_read_isolators(options)),
        stdin=options.get("stdin", ""),
        stdout=options.get("stdout", ""),
        stderr=options.get("stderr", ""),
    )


def read_mounts(texts: Iterable[str]) -> tuple[Mount, ...]:
    """Return the mounts of all ``--mount`` values.

    Raises:
        OptionValueError: one cannot be read.
    """
    return tuple(read_value("mount", text, Mount.parse) for text in texts)


def parse_memory(text: str) -> Isolator:
    """Return the isolator for ``--memory``.

    Raises:
        OverrideError: less than anything could run in.
        AppcError: not a quantity.
    """
    limit = Quantity.parse(text)
    if limit.integer() < LEAST_MEMORY:
        raise OverrideError(
            f"memory limit of {limit.integer()} bytes too low."
            " Try a reasonable value, such as --memory=16M"
        )
    return isolators.make_memory(limit)


def parse_cpu(text: str) -> Isolator:
    """Return the isolator for ``--cpu``.

    Raises:
        OverrideError: nothing or less.
        AppcError: not a quantity.
    """
    limit = Quantity.parse(text)
    if limit.nano <= 0:
        raise OverrideError(f"cpu limit of {limit} too low. Try a reasonable value, such as 500m")
    return isolators.make_cpu(limit)


def parse_seccomp(text: str) -> Isolator:
    """Return the isolator for ``--seccomp``: ``mode=retain|remove[,errno=EXXX],NAME…``.

    Raises:
        OverrideError: the mode is missing or neither of the two, or a parameter is unknown.
        AppcError: no system call, or no such errno.
    """
    found: dict[str, str] = {}
    names: list[str] = []
    for element in text.split(","):
        key, equals, value = element.partition("=")
        if not equals:
            names.append(element.strip())
        elif key not in ("mode", "errno"):
            raise OverrideError(f"unknown seccomp parameter {quote(key)}")
        elif key in found:
            raise OverrideError(f"seccomp parameter {quote(key)} given twice")
        else:
            found[key] = value
    mode = found.get("mode", "")
    if mode not in (isolators.SeccompMode.RETAIN, isolators.SeccompMode.REMOVE):
        raise OverrideError(f"invalid seccomp mode {quote(mode)}: give mode=retain or mode=remove")
    return isolators.make_seccomp(mode, [name for name in names if name], found.get("errno", ""))


def override_isolators(
    own: tuple[Isolator, ...], brought: Iterable[Isolator]
) -> tuple[Isolator, ...]:
    """Return the image's ``own`` isolators with those of the command line taking effect.

    Raises:
        OverrideError: both kinds of capability set are brought.
    """
    brought = tuple(brought)
    if {one.name for one in brought}.issuperset(_CAPABILITIES):
        raise OverrideError(
            "error: cannot use both --caps-retain and --caps-remove on the same image"
        )
    for one in brought:
        own = isolators.replace(own, one, *_REPLACED.get(one.name, ()))
    return own


def read_value(option: str, text: str, parse: Callable[[str], T]) -> T:
    """Return ``parse(text)``, the value of ``--option``.

    Raises:
        OptionValueError: ``parse`` refused it.
    """
    try:
        return parse(text)
    except RktError as error:
        raise OptionValueError(option, text, _reason(error)) from None


def _reason(error: BaseException) -> str:
    """Return the whole chain of ``error`` as one line: reasons are short, and all of it counts."""
    texts = [str(error)]
    while (cause := error.__cause__) is not None:
        error = cause
        texts.append(str(error))
    return ": ".join(texts)


def _read_isolators(options: Mapping[str, Any]) -> Iterable[Isolator]:
    for name, parse in _ISOLATORS.items():
        if name in options:
            value = options[name]
            shown = ",".join(value) if isinstance(value, tuple) else str(value)
            yield read_value(name, shown, lambda _text: parse(value))  # noqa: B023 - called at once


def _caps(make: Callable[[Iterable[str]], Isolator]) -> Callable[[Iterable[str]], Isolator]:
    return lambda names: make([name for name in names if name])


_ISOLATORS: dict[str, Callable[[Any], Isolator]] = {
    "memory": parse_memory,
    "cpu": parse_cpu,
    "cpu-shares": isolators.make_cpu_shares,
    "oom-score-adj": isolators.make_oom_score_adj,
    "pids-limit": isolators.make_pids_limit,
    "caps-retain": _caps(isolators.make_capabilities_retain),
    "caps-remove": _caps(isolators.make_capabilities_remove),
    "seccomp": parse_seccomp,
}
