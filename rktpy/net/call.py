"""One call of a network plugin, and what a plugin is, whether a program or built in."""

from __future__ import annotations

from rktpy.net.result import render
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from rktpy.net.result import Result
    from rktpy.net.rules import Rules

_NOTHING: Mapping[str, object] = {}


class Call(Value):
    """What a plugin is told; which command it is, its method says."""

    container: str  # UUID of the pod
    netns: str  # path of its namespace; "" at a deletion if that is gone
    interface: str  # in the pod
    arguments: str  # ``CNI_ARGS``
    network: str
    version: str  # of the CNI specification
    fields: Mapping[str, object]  # of the plugin's configuration
    content: bytes | None = None  # of a ``.conf``, which a program gets as it is
    previous: Result | None = None  # of the plugin before, or of the whole ADD
    capabilities: Mapping[str, object] = _NOTHING  # what the runtime can offer, by name

    def config(self) -> dict[str, object]:
        """Return the configuration as the specification derives it for one plugin of a chain.

        Raises:
            ResultError: the version is not known.
        """
        config: dict[str, object] = {"cniVersion": self.version, "name": self.network}
        config |= {key: value for key, value in self.fields.items() if key != "capabilities"}
        declared = self.fields.get("capabilities")
        if isinstance(declared, dict):
            offered = {
                name: value
                for name, value in self.capabilities.items()
                if declared.get(name) is True
            }
            if offered:
                config["runtimeConfig"] = offered
        if self.previous is not None:
            config["prevResult"] = render(self.previous, self.version)
        return config


if TYPE_CHECKING:

    class Plugin(Protocol):
        """Something that can put a pod into a network. All of it may raise ``RktError``."""

        def add(self, call: Call) -> Result: ...

        def delete(self, call: Call) -> None:
            """Undo ``add``; it may have been undone before, or never have happened."""

        def check(self, call: Call) -> None: ...

        def rules(self, call: Call, result: Result) -> Rules:
            """Return what the firewall has to do for ``result``; programs see to it themselves."""
