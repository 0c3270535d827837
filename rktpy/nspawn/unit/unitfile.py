"""A unit file as data: options in order, sections in first-seen order (rkt: go-systemd/unit)."""

from __future__ import annotations


class UnitFile:
    """Collects options; ``text`` serialises them. Values must be escaped already."""

    __slots__ = ("_sections",)

    def __init__(self) -> None:
        self._sections: dict[str, list[str]] = {}

    def add(self, section: str, name: str, value: str) -> None:
        """Append ``name=value`` to ``section``; a repeated name makes a list option."""
        self._sections.setdefault(section, []).append(f"{name}={value}\n")

    def text(self) -> str:
        """Return the file, sections separated by an empty line."""
        return "\n".join(
            f"[{section}]\n{''.join(lines)}" for section, lines in self._sections.items()
        )
