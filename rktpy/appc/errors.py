"""The one error of this room."""

from __future__ import annotations

from rktpy.errors import RktError


class AppcError(RktError):
    """A manifest, a part of one or its string form breaks the appc specification.

    The texts are those of the appc reference library, because tests and people grep for them.
    """
