"""``python -m rktpy``: the same as the launcher, at the price of a normal interpreter start."""

from __future__ import annotations

import sys

from rktpy.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
