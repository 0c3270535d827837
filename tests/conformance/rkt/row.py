"""What rkt's functional tests assert, as data: a run and the rows that are about it.

``rows/`` has one module for each of rkt's test files; ``tests/integration/rkt`` does the runs.
Words of a run and expectations may hold places, filled in when it is done:

``{image}``, ``{image2}`` …   path of the run's first, second … image
``{id}``, ``{id2}`` …         image ID; naming one puts the images into the store first
``{host}``, ``{other}``       directories of the host; their ``file`` holds ``host``, ``other``
``{nested}``                  the same with ``inner``, a directory with a tmpfs mounted on it:
                              its ``file`` holds ``inner``, the covered one ``outer``
``{env_file}``                variables for ``--set-env-file``
``{manifest}``                the run's pod manifest, as a file
``{uuid_file}``, ``{uuid}``   where to save the UUID, and what was saved there or printed by
                              ``prepare``
``{ipc}``, ``{net}``          the host's namespaces, as ``readlink /proc/self/ns/…`` shows them
``{hosts}``, ``{resolv}``     SHA-1 of the host's /etc/hosts and /etc/resolv.conf
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAILED = 254

# What brings the rows that are not there yet; docs/roadmap.md has the issues.
POD_MODEL, IMAGES = "the complete pod model", "images"
SYSTEMD, FLAVOURS = "systemd", "foreign stage1 images, fly and kvm"

RUN_PREPARED = ("run-prepared", "--net=host", "--mds-register=false", "{uuid}")


@dataclass(frozen=True)
class Image:
    """The inspect image with other arguments or a changed manifest.

    ``app`` adds or replaces keys of its app object, ``manifest`` top-level keys (``app=None``
    takes the section out), ``files`` adds files.
    """

    arguments: tuple[str, ...] = ()
    name: str = "coreos.com/rkt-inspect"
    app: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Run:
    """Command lines and their status, None where rkt's test does not look at it.

    ``prepare`` comes first and ``after`` last; both must succeed. Several rows may share a run,
    which is done once.
    """

    command: tuple[str, ...]
    images: tuple[Image, ...] = ()
    status: int | None = 0
    prepare: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One thing rkt's test looks at.

    ``expect`` and ``refuse`` are regular expressions that must and must not match stdout and
    stderr of all command lines taken together; ``stored`` is what ``{host}/file`` holds
    afterwards, if not empty. ``gap`` says why rktpy does not behave so yet. ``different`` says
    that it never will: it is the first cell of a row in "Deliberately different" of
    docs/compatibility.md, and the row asserts what is right here.
    """

    name: str
    run: Run
    expect: str = ""
    refuse: str = ""
    stored: str = ""
    gap: str = ""
    different: str = ""


@dataclass(frozen=True)
class Shown:
    """A row that another test shows: ``proof`` is ``FILE::TEST`` below ``tests``."""

    name: str
    proof: str
    different: str = ""


@dataclass(frozen=True)
class Owed:
    """A row that needs what is not there: ``needs`` says what, ``issue`` what will bring it."""

    name: str
    needs: str
    issue: str


Entry: TypeAlias = Row | Shown | Owed


@dataclass(frozen=True)
class App:
    """An app of a pod that serves several rows; ``expect`` is looked for in its own lines."""

    row: str
    image: Image
    expect: str
    words: tuple[str, ...] = ()


def run(*words: str) -> tuple[str, ...]:
    """Return the usual command: an unsigned image, run on the host's network."""
    return ("--insecure-options=image", "run", "--net=host", "--mds-register=false", *words)


def inspect(name: str, *arguments: str, expect: str, words: Sequence[str] = ()) -> Row:
    """Return a row about the inspect image with ``arguments``, run with ``words`` behind it."""
    return Row(name, Run(run("{image}", *words), (Image(arguments),)), expect)


def both(
    name: str,
    words: Sequence[str],
    images: Sequence[Image],
    expect: str,
    *,
    status: int = 0,
    manifest: Mapping[str, Any] | None = None,
    insecure: str = "image",
    stored: str = "",
    different: str = "",
) -> list[Row]:
    """Return the row of a pod that is run with ``words``, and that of one that is prepared with
    them and run then."""
    fences = f"--insecure-options={insecure}"
    row = Row(name, Run((fences, *run(*words)[1:]), tuple(images), status, manifest=manifest or {}),
              expect, stored=stored, different=different)  # fmt: skip
    later = replace(row.run, command=(fences, *RUN_PREPARED), prepare=(fences, "prepare", *words))
    return [row, replace(row, name=f"{name}, prepared", run=later)]


def one_pod(apps: Sequence[App], *before: str, insecure: str = "image") -> list[Row]:
    """Return the rows of ``apps``, which run together in one pod and end with 0.

    ``before`` are options ahead of the first image.
    """
    words: list[str] = []
    for number, app in enumerate(apps):
        if number and "--" in apps[number - 1].words:
            words.append("---")
        words += [place("image", number), f"--name=app{number}", *app.words]
    command = (f"--insecure-options={insecure}", *run(*before, *words)[1:])
    shared = Run(command, tuple(app.image for app in apps))
    return [Row(app.row, shared, said(number, app.expect)) for number, app in enumerate(apps)]


def said(number: int, text: str) -> str:
    """Return the expression for a line of ``one_pod``'s app ``number`` beginning with ``text``."""
    return rf"(?m) app{number}\[\d+\]: {text}"


def place(name: str, number: int) -> str:
    """Return the place of the ``number``-th (from 0) image: ``{image}``, ``{image2}`` …"""
    return f"{{{name}{number + 1 if number else ''}}}"
