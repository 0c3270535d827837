"""One network of a pod through all its plugins: joined, left, looked at.

Nothing is written here. Who calls ``add`` has noted on disk that it will, so that after a kill at
any step ``delete`` is called for what may only half exist; plugins bear a DEL for what is not there
(SPEC.md of containernetworking/cni, section 3).
"""

from __future__ import annotations

from rktpy import log
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.net.call import Call
from rktpy.net.result import VERSIONS
from rktpy.net.rules import Rules
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rktpy.net.call import Plugin
    from rktpy.net.conf import NetConf
    from rktpy.net.result import Result

    Find = Callable[[str], Plugin]  # by type; raises RktError if there is none

_NOTHING: Mapping[str, object] = {}
_UNCHECKED = ("0.1.0", "0.2.0", "0.3.0", "0.3.1")  # versions without CHECK; DEL knows no result
_logger = log.Logger("networking")


class ChainError(RktError):
    """A pod could not join a network."""


class Attachment(Value):
    """A pod's place in one network."""

    conf: NetConf
    container: str  # UUID of the pod
    netns: str  # path of its namespace, "" if that is gone
    interface: str  # in the pod
    arguments: str = ""  # ``CNI_ARGS``
    capabilities: Mapping[str, object] = _NOTHING  # what plugins may ask for, by name


def add(attachment: Attachment, find: Find) -> Result:
    """Join the network. Of a failed one nothing is left, as far as its plugins can undo it.

    Raises:
        ChainError: a plugin failed, or the configuration is too new.
        RktError: a plugin is missing.
    """
    conf = attachment.conf
    _check_version(conf)
    plugins = [find(_kind(fields)) for fields in conf.plugins]
    result: Result | None = None
    for number, plugin in enumerate(plugins):
        try:
            result = plugin.add(call(attachment, number, result))
        except BaseException as error:
            # All of them, also those that were not called yet (SPEC.md, section 3).
            _undo(attachment, plugins, result)
            if isinstance(error, RktError):
                message = f"error adding network {quote(conf.name)}: {error.message}"
                raise ChainError(message, hint=error.hint) from error
            raise
    assert result is not None  # noqa: S101 - a configuration has at least one plugin
    return result


def delete(attachment: Attachment, find: Find, result: Result | None) -> tuple[str, ...]:
    """Leave the network, whatever is left of it, and return what went wrong.

    ``result`` is that of ``add``, None if it is not known.
    """
    errors: list[str] = []
    conf = attachment.conf
    for number in reversed(range(len(conf.plugins))):
        try:
            find(_kind(conf.plugins[number])).delete(_later(attachment, number, result))
        except RktError as error:
            errors.append(f"error deleting network {quote(conf.name)}: {error.message}")
    return tuple(errors)


def check(attachment: Attachment, find: Find, result: Result) -> None:
    """Ask all plugins whether the network is as ``add`` left it; before 0.4.0 nobody can tell.

    Raises:
        RktError: it is not.
    """
    conf = attachment.conf
    if conf.disable_check or conf.version in _UNCHECKED:
        return
    for number, fields in enumerate(conf.plugins):
        find(_kind(fields)).check(_later(attachment, number, result))


def rules(attachment: Attachment, find: Find, result: Result) -> Rules:
    """Return what the firewall has to do for the pod in this network, whose ``add`` led to
    ``result``: the rules of all plugins together.

    Raises:
        RktError: a plugin is missing, or its configuration is wrong.
    """
    found = Rules()
    for number, fields in enumerate(attachment.conf.plugins):
        found |= find(_kind(fields)).rules(_later(attachment, number, result), result)
    return found


def call(attachment: Attachment, number: int, previous: Result | None) -> Call:
    """Return what the plugin ``number`` is told, after what led to ``previous``."""
    conf = attachment.conf
    fields = conf.plugins[number]
    # A single plugin gets its file as it is, unless it asked for something to be put in.
    plain = not conf.chain and not _offered(fields, attachment.capabilities)
    return Call(
        container=attachment.container,
        netns=attachment.netns,
        interface=attachment.interface,
        arguments=attachment.arguments,
        network=conf.name,
        version=conf.version,
        fields=fields,
        content=conf.content if plain else None,
        previous=previous,
        capabilities=attachment.capabilities,
    )


def _check_version(conf: NetConf) -> None:
    """Refuse a chain whose results cannot be handed on; a single plugin may know more than we."""
    if conf.chain and conf.version not in VERSIONS:
        raise ChainError(
            f"error adding network {quote(conf.name)}: CNI version {quote(conf.version)} of"
            f" {conf.file} is not supported",
            hint=f"use one of {', '.join(VERSIONS)}",
        )


def _undo(attachment: Attachment, plugins: list[Plugin], result: Result | None) -> None:
    for number in reversed(range(len(plugins))):
        try:
            plugins[number].delete(_later(attachment, number, result))
        except RktError as error:
            name = quote(attachment.conf.name)
            _logger.warning("error deleting network %s: %s", name, error.message)


def _later(attachment: Attachment, number: int, result: Result | None) -> Call:
    """Return the call of a plugin after the ADD of all, which led to ``result``.

    From 0.4.0 on a plugin is told the result; before, it gets what it got at ADD, as from rkt.
    """
    later = call(attachment, number, None)
    if attachment.conf.version in _UNCHECKED or attachment.conf.version not in VERSIONS:
        return later
    return later.replace(previous=result)


def _offered(fields: Mapping[str, object], capabilities: Mapping[str, object]) -> bool:
    declared = fields.get("capabilities")
    return isinstance(declared, dict) and any(declared.get(name) is True for name in capabilities)


def _kind(fields: Mapping[str, object]) -> str:
    return str(fields["type"])
