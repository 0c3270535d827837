"""Pods in networks of a booted host, and what they and the host are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL, TRUSTING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods, StartedPod

_SERVE = "busybox hostname >/index.html; exec busybox httpd -f -p 80 -h /"
_GET = """\
import sys, time, urllib.request
end = time.monotonic() + 30
while True:
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode(), end="")
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.05)
"""


def serving(*options: str) -> list[str]:
    """Return the command of a pod that answers every request with its host name."""
    return [*TRUSTING, "run", *options, SHELL, "--", _SERVE.replace("busybox", "/bin/busybox")]


def asked(pods: Pods, address: str) -> str:
    """Return what a pod answers the host, once it listens."""
    host = f"[{address}]" if ":" in address else address
    timeout = 60 * pods.host.slowness
    return pods.host.run(["python3", "-c", _GET, f"http://{host}/"], timeout=timeout).stdout.strip()


def ask(pods: Pods, pod: StartedPod, address: str) -> str:
    """Return what ``address`` answers ``pod``."""
    script = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 10 {address} 80"
    said = pods.rktpy("enter", pod.uuid, "/bin/busybox", "sh", "-c", script)
    return said.replace("\r", "").partition("\n\n")[2].strip()


def configured(pods: Pods, name: str, text: str) -> Iterator[None]:
    """Have a network configured."""
    path = f"/etc/rkt/net.d/{name}.conf"
    pods.host.sh("mkdir -p /etc/rkt/net.d")
    pods.host.write(path, text)
    yield
    pods.host.sh('rm "$1"', path)
