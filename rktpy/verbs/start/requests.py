"""What the verbs that start pods are asked to do, as domain values.

Made by the command line, read by ``rktpy.verbs.run``, ``prepare`` and ``run_prepared``.
"""

from __future__ import annotations

from rktpy.net.netlist import NetList, parse_netlist
from rktpy.pod.before.compose import PodOptions
from rktpy.pod.before.dns import Dns
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.app.overrides import AppSpec


class Policy:
    """When an image is downloaded; any other word means ``NEW``, as in rkt."""

    NEW = "new"  # if the store does not have it
    NEVER = "never"
    UPDATE = "update"  # also if the store has an older one


class Stage1Choice(Value):
    """Which stage1 was asked for: ``kind`` is ``url``, ``path``, ``name``, ``hash`` or
    ``from-dir``, ``text`` what was typed."""

    kind: str
    text: str


class PodSource(Value):
    """What a pod is made of: images with ``options``, or the file ``pod_manifest``.

    ``name`` and ``labels`` (key, value) are the pod's own; an empty name leaves it what it is. With
    ``replace_pod`` the pod that has the name so far makes way, also if it runs.
    """

    apps: tuple[AppSpec, ...] = ()
    options: PodOptions = PodOptions()
    pod_manifest: str = ""
    policy: str = Policy.NEW
    stage1: Stage1Choice | None = None
    overlay: bool = True
    private_users: bool = False
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    replace_pod: bool = False


class StartOptions(Value):
    """How a pod is started, whatever it is made of. Empty texts mean the default."""

    net: NetList = parse_netlist(())
    dns: Dns = Dns()
    hostname: str = ""
    ipc: str = ""
    interactive: bool = False
    mds_register: bool = False
    strict_isolators: bool = False


class RunRequest(Value):
    """``rktpy run``. ``uuid_file`` gets the UUID before anything can fail; ``words`` is what was
    typed, here and below."""

    source: PodSource
    start: StartOptions = StartOptions()
    uuid_file: str = ""
    words: tuple[str, ...] = ()


class PrepareRequest(Value):
    """``rktpy prepare``."""

    source: PodSource
    strict_isolators: bool = False
    words: tuple[str, ...] = ()


class RunPreparedRequest(Value):
    """``rktpy run-prepared``; ``uuid`` as typed, perhaps a beginning only."""

    uuid: str
    start: StartOptions = StartOptions()
    words: tuple[str, ...] = ()
