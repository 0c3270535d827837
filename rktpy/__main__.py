"""``python -m rktpy``: the same as the launcher, at the price of a normal interpreter start."""

from __future__ import annotations

from rktpy.cli.main import run

if __name__ == "__main__":
    run()
