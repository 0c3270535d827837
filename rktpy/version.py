"""Version words that are printed and written to disk."""

from __future__ import annotations

VERSION = "0.1.0"
APPC_VERSION = "0.8.11"  # the appc specification that generated manifests name
