"""Suggestions for keys and sections that do not exist here, above all podman's. Pure.

podman's names: podman-systemd.unit(5) of podman 5.
"""

from __future__ import annotations

from rktpy.generator.file.keys import SECTIONS, THROUGH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.generator.file.keys import Key

_KEYS = {
    "AddCapability": "CapabilitiesRetain= names all that the app has",
    "AddDevice": "give it by Volume=",
    "AutoUpdate": "Pull=update looks for a newer image at each start",
    "ContainerName": "[App NAME] names the app, PodName= in [Pod] the pod",
    "DropCapability": "CapabilitiesRemove= takes some away",
    "Entrypoint": "Exec= is the program with its arguments",
    "EnvironmentHost": "InheritEnvironment= in [Pod]",
    "GlobalArgs": "RunArgs= in [Pod]",
    "GroupAdd": "SupplementaryGroups=",
    "HealthStartPeriod": "with Notify=healthy, TimeoutStartSec= in [Service] is the time to start",
    "HealthStartupCmd": "Notify=healthy repeats HealthCmd= until it passes once",
    "IP": "Network=NAME:IP=ADDRESS in [Pod]",
    "IP6": "Network=NAME:IP=ADDRESS in [Pod]",
    "LogDriver": "output goes to the journal",
    "NetworkAlias": "pods find each other by PodName=, HostName= and names of apps",
    "Options": "give them to Volume= or Network= in [Pod]",
    "Pod": "one file has all apps of a pod, each in an [App NAME]",
    "PodmanArgs": "RunArgs= in [Pod]",
    "Rootfs": "an app has an Image=",
    "SeccompProfile": "SeccompFilter=",
    "Secret": "Volume= gives the app a file",
    "ServiceName": "the service has the name of the file",
    "StopTimeout": "TimeoutStopSec= in [Service]",
    "Timezone": "Environment=TZ=",
    "Tmpfs": "Volume=NAME,kind=empty in [Pod], Volume=NAME:PATH in [App]",
    "UIDMap": "PrivateUsers= in [Pod]",
    "UserNS": "PrivateUsers= in [Pod]",
    "Yaml": "PodManifest= in [Pod] takes a manifest of appc",
}
_SECTIONS = {
    "Container": "[App] or [App NAME] is meant",
    "Image": "Image= in [App] names the image",
    "Kube": "PodManifest= in [Pod] takes a manifest of appc",
    "Network": "Network= in [Pod] names a network of /etc/rkt/net.d",
    "Volume": "Volume= in [Pod] declares it",
}


def about_key(name: str, keys: Mapping[str, Key]) -> str:
    """Return a suggestion for ``name``, which is not one of ``keys``; empty if there is none."""
    lower = name.lower()
    for key in keys:
        if len(key) == len(name) and key.lower() == lower:
            return f"; {key}= is meant"
    for section, others in SECTIONS.items():
        if name in others:
            return f"; it belongs into [{section}]"
    return f"; {_KEYS[name]}" if name in _KEYS else ""


def about_section(name: str) -> str:
    """Return a suggestion for the unknown section ``name``; empty if there is none."""
    for known in (*SECTIONS, *THROUGH):
        if known.lower() == name.lower():
            return f"; [{known}] is meant"
    return f"; {_SECTIONS[name]}" if name in _SECTIONS else ""
