"""Network plugins that are programs: told, heard and understood as by rkt.

A plugin gets its parameters in the environment and its configuration on stdin, answers on stdout,
and writes to our stderr. What a plugin had made before it was killed, a DEL undoes (rkt:
networking/net_plugin.go; SPEC.md of containernetworking/cni, section 2).
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.codec import CodecError, compact, parse, quote
from rktpy.errors import RktError
from rktpy.host.asked import AskedError, ask
from rktpy.net.ipam.dhcp import hint_for
from rktpy.net.result import ResultError, parse_result
from rktpy.net.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.host.asked import Said
    from rktpy.net.call import Call
    from rktpy.net.result import Result

# Seconds. DHCP may need half of the first; whoever collects pods wants to go on.
LIMITS = {"ADD": 120.0, "CHECK": 120.0, "DEL": 30.0, "VERSION": 10.0}
_QUOTED = 400  # characters of an answer that an error shows
_VERSION = "0.1.0"  # of the protocol, as rkt says it whatever the configuration
_INCOMPATIBLE = 1  # error code: the plugin does not speak the configuration's version
_LATER = 11  # error code: what is in the way will pass
_UNKNOWN_VERSIONS = ("0.1.0",)  # of a plugin that does not know the command VERSION
_logger = log.Logger("networking")


class PluginError(RktError):
    """A plugin failed, or cannot be understood."""


class External:
    """The plugin that is the program ``path``; a ``Plugin``."""

    needs_link = True  # as an IPAM plugin it may ask a server through the pod's link

    __slots__ = ("_cwd", "_directories", "_environment", "_limits", "_programs", "path")

    def __init__(
        self,
        path: str,
        directories: Sequence[str],
        environment: Mapping[str, str],
        *,
        cwd: str = "/",
        limits: Mapping[str, float] = LIMITS,
        programs: Sequence[str] = (),
    ) -> None:
        """``directories`` are where it finds plugins of its own. A relative one is below ``cwd``,
        the pod's directory, and is made to lead to the first of ``programs`` that is there.
        ``limits`` are seconds by command.
        """
        self.path = path
        self._directories = directories
        self._environment = environment
        self._cwd = cwd
        self._limits = limits
        self._programs = programs

    def add(self, call: Call) -> Result:
        """Put the pod into the network.

        Raises:
            PluginError: it failed, or its answer is not a result.
        """
        answer = self._command("ADD", call)
        try:
            return parse_result(answer)
        except ResultError as error:
            text = f"error parsing {quote(call.network)} result: parsing {_shown(answer)}"
            raise PluginError(f"{text}: {error.message}", hint=self._suspect()) from None

    def delete(self, call: Call) -> None:
        """Take the pod out again.

        Raises:
            PluginError: it failed.
        """
        self._command("DEL", call)

    def check(self, call: Call) -> None:
        """Ask whether all is as ``add`` left it.

        Raises:
            PluginError: it is not.
        """
        self._command("CHECK", call)

    def rules(self, call: Call, result: Result) -> Rules:
        """Return nothing: a program sees to the firewall itself."""
        return Rules()

    def versions(self, version: str) -> tuple[str, ...]:
        """Return the versions of CNI that it speaks.

        Raises:
            PluginError: it cannot be run, or its answer makes no sense.
        """
        said = self._run({"CNI_COMMAND": "VERSION"}, _json({"cniVersion": version}))
        if said.status > 0:
            return _UNKNOWN_VERSIONS
        try:
            found = parse(said.text)["supportedVersions"]
        except (CodecError, LookupError, TypeError):
            found = None
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise PluginError(f"{self.path} does not tell its versions: {_shown(said.text)}")
        return tuple(found)

    def _command(self, command: str, call: Call) -> bytes:
        plain = call.content is not None and call.previous is None
        content = call.content if plain and call.content else _json(call.config())
        variables = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": call.container,
            "CNI_NETNS": call.netns,
            "CNI_ARGS": call.arguments,
            "CNI_IFNAME": call.interface,
        }
        said = self._run(variables, content)
        if said.status:
            raise self._failure(said, call.version)
        return said.text

    def _failure(self, said: Said, version: str) -> PluginError:
        try:
            document = parse(said.text)
            code, message = document.get("code"), document.get("msg", "")
            details = document.get("details", "")
            if not isinstance(message, str) or not isinstance(details, str):
                raise CodecError("its message is not text")
        except (CodecError, AttributeError) as error:
            how = f"signal {-said.status}" if said.status < 0 else f"status {said.status}"
            return PluginError(
                "netplugin failed but error parsing its diagnostic message"
                f" {_shown(said.text)} ({self.path}, {how}): {error}",
                hint=self._suspect(),
            )
        text = f"{message}; {details}" if details else message
        hint = hint_for(text, self.path)
        if code == _INCOMPATIBLE:
            hint = self._spoken(version)
        elif code == _LATER:
            hint = "the plugin asks to try again later"
        return PluginError(text or f"{self.path} failed without a message", hint=hint)

    def _spoken(self, version: str) -> str:
        try:
            known = ", ".join(self.versions(version))
        except PluginError as error:
            return error.message
        return f'{self.path} speaks CNI {known}: set "cniVersion" to one of these'

    def _suspect(self) -> str:
        return f"see what {self.path} says with CNI_COMMAND=VERSION"

    def _run(self, variables: Mapping[str, str], content: bytes) -> Said:
        command = variables["CNI_COMMAND"]
        places = [place for place in self._directories if self._is_safe(place, command)]
        environment = {
            **self._environment,
            "CNI_VERSION": _VERSION,
            **variables,
            "CNI_PATH": ":".join(places),
        }
        _logger.debug("executing net-plugin %s (%s)", self.path, command)
        turn = f"{self._cwd}/net"
        if not os.path.isdir(turn):
            turn = ""  # it is asked for no pod
        limit = self._limits[command]
        try:
            return ask(self.path, content, environment, cwd=self._cwd, limit=limit, turn=turn)
        except AskedError as error:
            raise PluginError(error.message, hint=error.hint) from None

    def _is_safe(self, place: str, command: str) -> bool:
        """Whether plugins may look for programs in ``place``, which is offered to an ADD.

        Later a pod without an overlay, having broken out of its apps, could have put its own there.
        """
        if place.startswith("/"):
            return True
        directory = f"{self._cwd}/{place}"
        if command == "ADD":
            _offer(directory, self._programs)
        if not os.path.lexists(directory):
            return True
        real = os.path.realpath(directory)
        return any(real == os.path.realpath(program) for program in self._programs)


def _offer(directory: str, programs: Sequence[str]) -> None:
    """Make rkt's place of plugins below the pod's directory lead to those of the host.

    rkt's stage1 brought plugins along, and what runs in its place looks for them there. The pod
    never sees it: its root is mounted over it, or has the host's /usr there.
    """
    place = next((place for place in programs if os.path.isdir(place)), "")
    root = directory.partition("/stage1/rootfs/")[0] + "/stage1/rootfs"
    if not place or os.path.lexists(directory) or not os.path.isdir(root):
        return
    try:
        os.makedirs(os.path.dirname(directory), 0o755, exist_ok=True)
        os.symlink(place, directory)
    except OSError as error:
        _logger.debug("no plugins at %s: %s", directory, error.strerror)


def _json(document: object) -> bytes:
    return compact(document).encode()


def _shown(answer: bytes) -> str:
    return quote(answer[:_QUOTED].decode("utf-8", "replace"))
