"""``network list``: which networks a pod could join, without making or asking anything."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.net.conf import NetConfError, built_in, directories, paths, read_conf
from rktpy.net.subnets import written
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.net.conf import NetConf
    from rktpy.verbs.site import Site


class Configured(Value):
    """One network: the types of its plugins in order, and the subnets or addresses that its
    configuration names, as written. ``path`` is its file, "" if it is built in.
    """

    name: str
    types: tuple[str, ...]
    subnets: tuple[str, ...]
    version: str  # of the CNI specification
    path: str

    @property
    def built_in(self) -> bool:
        return not self.path


class Networks(Value):
    """All networks in the order in which a pod would join them, and what is wrong: ``warnings``
    are of files without effect, ``errors`` of files that keep every pod from having networks.
    """

    found: tuple[Configured, ...]
    warnings: tuple[str, ...]
    errors: tuple[NetConfError, ...]


def configured_networks(site: Site) -> Networks:
    """Return what ``net.d`` of this host defines, and what is there without it.

    Raises:
        NetConfError: the directory cannot be read.
    """
    every = {conf.name: (conf, "") for conf in built_in()}
    warnings: list[str] = []
    errors: list[NetConfError] = []
    for directory in directories(site.roots):
        own: dict[str, tuple[NetConf, str]] = {}
        for path in paths(directory):
            try:
                conf = read_conf(path)
            except NetConfError as error:
                errors.append(error)
                continue
            if conf.name in own:
                warnings.append(f"{quote(conf.name)} network already defined, ignoring {conf.file}")
            else:
                own[conf.name] = conf, path
        every |= own
    ordered = sorted(every.values(), key=lambda one: (one[0].file, one[0].name))
    found = tuple(_configured(conf, path) for conf, path in ordered)
    return Networks(found, tuple(warnings), tuple(errors))


def _configured(conf: NetConf, path: str) -> Configured:
    types = tuple(str(fields["type"]) for fields in conf.plugins)
    subnets = tuple(dict.fromkeys(one for fields in conf.plugins for one in written(fields)))
    return Configured(conf.name, types, subnets, conf.version, path)
