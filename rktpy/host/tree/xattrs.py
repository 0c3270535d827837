"""Extended attributes: which ones an image may carry. The one place that decides it."""

from __future__ import annotations

import os


def keeps_xattr(name: bytes) -> bool:
    """Return whether an image may carry the attribute ``name``.

    Labels of security modules and ACLs belong to the host; overlay's own marks would forge
    deleted or redirected files.
    """
    if name == b"security.capability":
        return True
    return name.startswith(b"user.") and not name.startswith(b"user.overlay.")


def copy_xattrs(source: int | str, target: int | str) -> None:
    """Copy the attributes that an image may carry.

    Raises:
        OSError: the target cannot have one.
    """
    try:
        names = os.listxattr(source)
    except OSError:
        return  # a file system without them
    for name in names:
        if keeps_xattr(os.fsencode(name)):
            os.setxattr(target, name, os.getxattr(source, name))
