"""Image names as people type them: ``NAME[:VERSION][,LABEL=VALUE]…``, and app names from them."""

from __future__ import annotations

from rktpy.appc.arch import RUNNABLE, check_os_arch, host_arch
from rktpy.appc.errors import AppcError
from rktpy.appc.forms import pairs
from rktpy.appc.types import ACIdentifier, ACName, Label
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class ImageName(Value):
    """An image name with the labels that narrow it down, in the order of ``display_labels``."""

    name: ACIdentifier
    labels: tuple[Label, ...] = ()

    @classmethod
    def parse(cls, text: str) -> ImageName:
        """Return the name ``text`` spells; ``:V`` is the label ``version=V``.

        Raises:
            AppcError: a colon too many or in the wrong place, a bad name, a repeated label.
        """
        colon, comma = text.find(":"), text.find(",")
        if colon > comma > -1:
            raise AppcError("malformed app string - colon may appear only right after the app name")
        if text.count(":") > 1:
            raise AppcError("malformed app string - colon may appear at most once")
        found = pairs("name=" + text.replace(":", ",version=", 1))
        name = ACIdentifier(found.pop("name"))
        labels = [Label(ACIdentifier(key), value) for key, value in found.items()]
        return cls(name, display_order(labels))

    def with_defaults(self) -> ImageName:
        """Return the name with ``os`` and ``arch`` of this host added where missing.

        Raises:
            AppcError: the resulting pair cannot run here.
        """
        given = {label.name: label.value for label in self.labels}
        os_name, arch = given.get("os", "linux"), given.get("arch", host_arch())
        if "os" in given or "arch" in given:
            # An image may be fetched for another machine, not for another kind of system.
            check_os_arch(os_name, arch, RUNNABLE)
        missing = [
            Label(ACIdentifier(key), value)
            for key, value in (("os", os_name), ("arch", arch))
            if key not in given
        ]
        return self.replace(labels=display_order([*self.labels, *missing]))

    def label(self, name: str) -> str | None:
        """Return the value of the label ``name``."""
        return next((label.value for label in self.labels if label.name == name), None)

    def __str__(self) -> str:
        return format_image_name(self.name, self.labels)


def display_order(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return ``labels`` as people see them: version, os, arch, the rest by name."""
    first = {"version": 0, "os": 1, "arch": 2}
    return tuple(sorted(labels, key=lambda label: (first.get(label.name, 3), label.name)))


def format_image_name(name: str, labels: Iterable[Label]) -> str:
    """Return ``NAME[:VERSION][,os=…][,arch=…][,others by name]``."""
    parts = [name]
    for label in display_order(labels):
        if label.name == "version":
            parts[0] += f":{label.value}"
        else:
            parts.append(f"{label.name}={label.value}")
    return ",".join(parts)


def app_name(image: str) -> ACName:
    """Return the app name rkt derives from an image name: its last component, made valid.

    Raises:
        AppcError: the component has no letter or digit.
    """
    return ACName.sanitise(image.rpartition("/")[2])
