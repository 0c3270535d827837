"""Shows rktpy's main job on a real service: Debian's redis-server as a pod, from image to clean-up.

    python -m tests.demo

Every command is printed before it runs, as in a tutorial. Images, pods and data are in a temporary
directory that is gone afterwards. Exit status 1 if any step did not do what it should.
"""

from __future__ import annotations

import os
import sys

from tests.demo.story import DemoError, Story


def main() -> int:
    """Tell the story and return the exit status."""
    if os.geteuid() != 0:
        sys.stderr.write("the demo starts a pod: run it as root\n")
        return 1
    story = Story()
    try:
        story.tell()
    except DemoError as error:
        sys.stdout.flush()
        sys.stderr.write(f"\ndemo failed: {error}\n")
        return 1
    finally:
        left = story.clean_up()
    if left:
        sys.stderr.write("\ndemo failed, it left behind:\n" + "\n".join(left) + "\n")
        return 1
    sys.stdout.write("\nThat is all: nothing of it is left on this machine.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
