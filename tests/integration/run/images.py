"""Images of this tier: the inspect program, a shell, and variations of both; built once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import archive
from tests.support.images import build_aci
from tests.support.inspect_image import inspect_aci, inspect_files

if TYPE_CHECKING:
    from tests.support.images import Content

INSPECT = "coreos.com/rkt-inspect"
SHELL = "example.com/shell"  # arguments: a script, then its $0 and parameters
BUSYBOX = Path("/bin/busybox")
_APPLETS = (
    "sh", "cat", "chmod", "echo", "env", "false", "hostname", "id", "kill", "ls", "mkdir",
    "mknod", "mount", "printf", "ps", "readlink", "rm", "sleep", "stat", "touch", "true", "tty",
)  # fmt: skip


def shell_files() -> dict[str, Content]:
    applets: dict[str, Content] = {f"/bin/{name}": archive.symlink("busybox") for name in _APPLETS}
    return applets | {
        "/bin/busybox": BUSYBOX,
        "/etc/passwd": "root:x:0:0:root:/:/bin/sh\nuser1:x:1000:100::/:/bin/sh\n",
        "/etc/group": "root:x:0:\ngroup1:x:100:\n",
        "/tmp": archive.directory(0o1777),
        "/broken": archive.file("#!/no/such/shell\n", 0o755),
    }


def shell_aci(path: Path, name: str = SHELL, **options: Any) -> Path:
    """Write an image whose command is ``/bin/sh -c``."""
    defaults: dict[str, Any] = {"exec": ("/bin/sh", "-c"), "files": shell_files()}
    return build_aci(path, name=name, **(defaults | options))


def hooked_aci(path: Path) -> Path:
    """Write ``example.com/hooked``: user 1000, hooks and app append to the volume ``log``."""

    def say(word: str, status: str) -> list[str]:
        script = f"umask 0; echo {word}; echo {word} $(id -u) $(id -g) >>/log/order; exit ${status}"
        return ["/bin/sh", "-c", script]

    handlers = [
        {"name": "pre-start", "exec": say("pre-start", "PRE")},
        {"name": "post-stop", "exec": say("post-stop", "POST")},
    ]
    app = {
        "eventHandlers": handlers,
        "mountPoints": [{"name": "log", "path": "/log"}],
    }
    return shell_aci(path, "example.com/hooked", user="1000", group="100", app=app)


def make_all(directory: Path) -> list[Path]:
    """Write the images that tests know by name."""
    app = {"mountPoints": [{"name": "dir1", "path": "/dir1"}]}
    read_only = {"mountPoints": [{"name": "dir1", "path": "/dir1", "readOnly": True}]}
    return [
        inspect_aci(directory / "inspect.aci", isolators=()),
        inspect_aci(directory / "limited.aci", name=f"{INSPECT}-limited"),
        inspect_aci(directory / "rw.aci", name=f"{INSPECT}-rw", app=app, isolators=()),
        inspect_aci(directory / "ro.aci", name=f"{INSPECT}-ro", app=read_only, isolators=()),
        inspect_aci(
            directory / "named.aci",
            name=f"{INSPECT}-user",
            isolators=(),
            user="400",
            group="500",
        ),
        inspect_aci(
            directory / "hosts.aci",
            name=f"{INSPECT}-hosts",
            isolators=(),
            files=inspect_files() | {"/etc/hosts": "preexisting etc"},
        ),
        shell_aci(directory / "shell.aci"),
        shell_aci(
            directory / "silent.aci",
            "example.com/silent",
            annotations={"appc.io/executor/supports-systemd-notify": "true"},
        ),
        hooked_aci(directory / "hooked.aci"),
    ]
