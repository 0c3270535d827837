"""All ``.pod`` files of a host → units, links and problems. Pure; the entry point of this room.

/etc/rktpy/web.pod, web.pod.d/*.conf  →  web.service
                                         multi-user.target.wants/web.service
                                         web-health.timer, web-health.service
"""

from __future__ import annotations

from rktpy.generator.file.apps import read_apps, words_of
from rktpy.generator.file.ini import LONGEST, Problem, read
from rktpy.generator.file.keys import GLOBAL, POD, SECTIONS, THROUGH
from rktpy.generator.file.names import (
    SUFFIX,
    unit_name,
    unit_reference,
    why_no_name,
    why_no_pod_name,
)
from rktpy.generator.file.settings import Settings
from rktpy.generator.file.words import WordError
from rktpy.generator.unit.clashes import Names, few
from rktpy.generator.unit.health import check_units, read_checks, start_lines
from rktpy.generator.unit.install import links_of
from rktpy.generator.unit.order import cycles
from rktpy.generator.unit.unit import Start, broken_text, service_text, through
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from rktpy.generator.file.ini import Section


class PodFile(Value):
    """A file and its drop-ins: pairs of path and text, the file first. ``name``: ``web.pod``.

    ``problems`` are those of reading them: a pod must not start without a part that is there.
    """

    name: str
    parts: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...] = ()

    @property
    def path(self) -> str:
        """Where the file lies."""
        return self.parts[0][0]

    @property
    def stem(self) -> str:
        """The name without its suffix; a template's ends in ``@``."""
        return self.name.removesuffix(SUFFIX)

    @property
    def unit(self) -> str:
        """The name of its service."""
        return unit_name(self.stem, ".service")


class Generated(Value):
    """What is to be written, units by name and links by path, and the problems found."""

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
    """Return the units of ``files``. A file with problems becomes a unit that fails and logs them.

    ``program`` is the absolute path of rktpy. ``taken`` maps the names of units that the host has
    anyway to their paths; no pod may hide one. ``only`` names the files to convert, the others are
    there because these may depend on them.
    """
    known = {file.name for file in files}
    read_files = []
    for file in files:
        problems = list(file.problems)
        read_files.append((file, read(file.parts, problems), problems))
    circles = cycles({file.name: sections for file, sections, _ in read_files})
    names = Names(taken or {}, {file.unit: file.path for file in files})
    done = []
    for file, sections, problems in read_files:
        if only is not None and file.name not in only:
            continue
        if reason := why_no_name(file.name):
            # No unit could have such a name, so this is all there is to see.
            found = few((*problems, Problem(file.path, 0, reason)), file.path)
            done.append(Generated(problems=found))
            continue
        problems += circles.get(file.name, ())
        done.append(_one(file, sections, problems, program=program, known=known, names=names))
    return Generated(
        tuple(unit for each in done for unit in each.units),
        tuple(link for each in done for link in each.links),
        tuple(problem for each in done for problem in each.problems),
    )


def _one(
    file: PodFile,
    sections: Mapping[str, Section],
    problems: list[Problem],
    *,
    program: str,
    known: Container[str],
    names: Names,
) -> Generated:
    links = links_of(sections.get("Install"), file.unit, known, problems)
    units: tuple[tuple[str, str], ...] = ()
    if not file.problems:  # else what else is wrong may come from what is missing
        try:
            units = _units(file.stem, file.path, sections, problems, program=program, known=known)
        except WordError as error:
            problems.append(Problem(file.path, 0, error.message))
    if any(len(line) >= LONGEST for _, text in units for line in text.split("\n")):
        problems.append(Problem(file.path, 0, "the command line is longer than systemd reads"))
    aliases = [name for name, _ in links if "/" not in name]
    if clashes := names.clashes(file.path, file.unit, [*(name for name, _ in units), *aliases]):
        problems += clashes
        links = ()
    found = few(problems, file.path)
    if not names.is_free(file.unit):
        units = ()
    elif found:
        units = ((file.unit, broken_text(file.stem, file.path, found)),)
    return Generated(units, links, found)


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
            from rktpy.generator.file.hints import about_section

            text = f"there is no section [{section.name}] in a pod{about_section(section.name)}"
            problems.append(section.problem(text))
    pod = Settings(sections.get("Pod"), SECTIONS["Pod"], problems)
    apps = read_apps(sections, problems)
    manifest = pod.entry("PodManifest")
    if manifest and apps:
        problems.append(
            manifest.problem("PodManifest=: the manifest names the apps; no [App] then")
        )
    elif not manifest and not apps:
        problems.append(Problem(path, 0, "there is no [App] with an Image="))
    _check_ports(pod, problems)
    rktpy = (program, *pod.options(GLOBAL))
    name = _pod_name(pod, stem, path, problems)
    checks = read_checks(apps, rktpy, name, problems)
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


def _pod_name(pod: Settings, stem: str, path: str, problems: list[Problem]) -> str:
    """Return the name of the pod: what nobody could start is refused now."""
    entry = pod.entry("PodName")
    name = pod.one("PodName") or unit_reference(stem, "").replace("@", "-")
    if reason := why_no_pod_name(name):
        problems.append(
            entry.problem(f"PodName=: {reason}")
            if entry
            else Problem(path, 0, f"{name} cannot name the pod: {reason}; add PodName= to [Pod]")
        )
    return name


def _check_ports(pod: Settings, problems: list[Problem]) -> None:
    """Refuse docker's form: it would be read as the name of a port, and fail at the start only."""
    entry = pod.entry("PublishPort")
    for value in pod.all("PublishPort"):
        host, colon, port = value.partition(":")
        number = port.partition("/")[0]
        if entry and colon and host.isdigit() and number.isdigit():
            text = (
                f"PublishPort=: write the name of the app's port first, as in {number}-tcp:{host}"
            )
            problems.append(entry.problem(text))
