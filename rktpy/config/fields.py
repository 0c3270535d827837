"""Fields of a configuration file, checked for their types."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class ConfigError(RktError):
    """A configuration file cannot be read or says something impossible."""


def text(content: Mapping[str, object], key: str) -> str:
    """Return a string, "" if it is not there."""
    value = content.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"{quote(key)} must be a string")
    return value


def texts(content: Mapping[str, object], key: str) -> list[str]:
    """Return a list of strings, empty if it is not there."""
    value = content.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{quote(key)} must be a list of strings")
    return value


def mapping(content: Mapping[str, object], key: str) -> dict[str, object] | None:
    """Return an object, None if it is not there."""
    value = content.get(key)
    if value is not None and not isinstance(value, dict):
        raise ConfigError(f"{quote(key)} must be an object")
    return value
