"""Copies of whole trees for pods and users, with all that an image may say about a file."""

from __future__ import annotations

from rktpy.host import process
from rktpy.host.mount import show_merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def copy_tree(lowers: Sequence[str], target: str) -> None:
    """Copy what the directories ``lowers``, strongest first, are together to ``target``; or a file.

    cp(1) keeps owners, times, extended attributes, hard links and holes, and shares blocks where
    the file system can. Several are mounted for it in a child's own namespace.

    Raises:
        RktError: they cannot be mounted, or cp fails.
    """
    if len(lowers) == 1:
        _copy(lowers[0], target)
        return

    from rktpy.host.helper import Answer, Helper

    def work() -> Answer:
        _copy(show_merged(lowers), target)
        return Answer()

    Helper(work).wait()


def _copy(source: str, target: str) -> None:
    process.run(["cp", "-a", "--reflink=auto", "-T", "--", source, target], timeout=3600)
