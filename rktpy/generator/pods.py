"""The door: all ``.pod`` files of a host → units, links and problems. Pure.

/etc/rktpy/web.pod, web.pod.d/*.conf  →  web.service
                                         multi-user.target.wants/web.service
                                         web-health.timer, web-health.service
"""

from __future__ import annotations

from rktpy.generator.apps import read_apps, words_of
from rktpy.generator.health import check_units, read_checks, start_lines
from rktpy.generator.ini import LONGEST, Problem, read
from rktpy.generator.install import links_of
from rktpy.generator.keys import GLOBAL, POD, SECTIONS, THROUGH
from rktpy.generator.names import SUFFIX, unit_name, unit_reference, why_no_name
from rktpy.generator.order import cycles
from rktpy.generator.settings import Settings
from rktpy.generator.unit import Start, broken_text, service_text, through
from rktpy.generator.words import WordError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from rktpy.generator.ini import Section


class PodFile(Value):
    """A file and its drop-ins: pairs of path and text, the file first. ``name``: ``web.pod``."""

    name: str
    parts: tuple[tuple[str, str], ...]


class Generated(Value):
    """What is to be written: units by name, links by path, and what was wrong."""

    units: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()


def generate(
    files: Sequence[PodFile],
    *,
    program: str,
    taken: Mapping[str, str] | None = None,
    only: Container[str] | None = None,
) -> Generated:
    """Return what ``files`` become. One that is wrong becomes a unit that fails and says why.

    ``program`` is the absolute path of rktpy. ``taken`` are units that the host has without us,
    name to path: none of them is hidden by a pod. ``only``: names of the files that are asked for,
    the others are there to be depended on.
    """
    known = {file.name for file in files}
    read_files = []
    for file in files:
        problems: list[Problem] = []
        read_files.append((file, read(file.parts, problems), problems))
    circles = cycles({file.name: sections for file, sections, _ in read_files})
    done = []
    for file, sections, problems in read_files:
        if only is not None and file.name not in only:
            continue
        path = file.parts[0][0]
        if reason := why_no_name(file.name):
            # No unit could have such a name, so this is all there is to see.
            done.append(Generated(problems=(*problems, Problem(path, 0, reason))))
            continue
        problems += circles.get(file.name, ())
        one = _one(file, sections, problems, program=program, known=known)
        done.append(_without_taken(one, file, taken or {}))
    twice = _twice(done)
    return Generated(
        tuple(unit for each in done for unit in each.units),
        tuple(link for each in done for link in each.links),
        (*(problem for each in done for problem in each.problems), *twice),
    )


def _without_taken(one: Generated, file: PodFile, taken: Mapping[str, str]) -> Generated:
    """Return ``one`` if it hides no unit of the host, else what is left to tell of it."""
    stem, path = file.name.removesuffix(SUFFIX), file.parts[0][0]
    names = (*(name for name, _ in one.units), *(name for name, _ in one.links if "/" not in name))
    problems = tuple(
        Problem(path, 0, f"{name} would hide a unit of this host, {taken[name]}; change the name")
        for name in names
        if name in taken
    )
    if not problems:
        return one
    unit = unit_name(stem, ".service")
    found = (*one.problems, *problems)
    units = () if unit in taken else ((unit, broken_text(stem, path, found)),)
    return Generated(units, problems=found)


def _twice(done: Sequence[Generated]) -> list[Problem]:
    """Return a problem for each unit that two files become: ``a-health.pod``, and a check."""
    seen: set[str] = set()
    found = []
    for each in done:
        for name, text in each.units:
            if name in seen:
                source = text.partition("SourcePath=")[2].partition("\n")[0]
                found.append(Problem(source, 0, f"another file of a pod becomes {name} as well"))
            seen.add(name)
    return found


def _one(
    file: PodFile,
    sections: Mapping[str, Section],
    problems: list[Problem],
    *,
    program: str,
    known: Container[str],
) -> Generated:
    stem, path = file.name.removesuffix(SUFFIX), file.parts[0][0]
    unit = unit_name(stem, ".service")
    links = links_of(sections.get("Install"), unit, known, problems)
    units: tuple[tuple[str, str], ...] = ()
    try:
        units = _units(stem, path, sections, problems, program=program, known=known)
    except WordError as error:
        problems.append(Problem(path, 0, error.message))
    if any(len(line) >= LONGEST for _, text in units for line in text.split("\n")):
        problems.append(Problem(path, 0, "the command line is longer than systemd reads"))
    if problems:
        units = ((unit, broken_text(stem, path, problems)),)
    return Generated(units, links, tuple(problems))


def _units(
    stem: str,
    path: str,
    sections: Mapping[str, Section],
    problems: list[Problem],
    *,
    program: str,
    known: Container[str],
) -> tuple[tuple[str, str], ...]:
    for section in sections.values():
        kind = section.name.partition(" ")[0]
        if kind != "App" and section.name not in (*THROUGH, "Pod") and kind[:2] != "X-":
            problems.append(section.problem(f"there is no section [{section.name}] in a pod"))
    pod = Settings(sections.get("Pod"), SECTIONS["Pod"], problems)
    apps = read_apps(sections, problems)
    manifest = pod.entry("PodManifest")
    if manifest and apps:
        problems.append(
            manifest.problem("PodManifest=: the manifest names the apps; no [App] then")
        )
    elif not manifest and not apps:
        problems.append(Problem(path, 0, "there is no [App] with an Image="))
    rktpy = (program, *pod.options(GLOBAL))
    name = pod.one("PodName") or unit_reference(stem, "").replace("@", "-")
    checks = read_checks(apps, (*rktpy, "enter"), name, problems)
    start = Start(
        rktpy=rktpy,
        run=(
            *pod.options({key: found for key, found in POD.items() if key != "PodName"}),
            *pod.all("RunArgs"),
            *(volume for app in apps for volume in app.volumes),
            *words_of(apps),
        ),
        pod=name,
        source=path,
        may_fetch=pod.one("Pull") != "never" and not manifest,
        after_start=start_lines(checks),
        wants=tuple(unit_reference(stem, ".timer", check.part) for check in checks),
    )
    unit, service, install = (through(sections.get(each), known, problems) for each in THROUGH)
    text = service_text(start, unit=unit, service=service, install=install)
    return ((unit_name(stem, ".service"), text), *check_units(stem, path, checks))
