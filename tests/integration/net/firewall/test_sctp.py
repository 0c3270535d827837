"""SCTP without a kernel that has SCTP sockets: the first packet of an association, made by hand."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from rktpy.net.rules import Forward, Published, Rules
from tests.support.wires import HOST4, OUTSIDE4, Wires

if TYPE_CHECKING:
    from tests.integration.net.firewall.conftest import Firewall

POD = "6b1c2d3e-0000-4000-8000-000000000001"
# RFC 9260: common header with CRC32c, then an INIT chunk.
_SEND = """
import socket, struct, sys
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
init = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65536, 1, 1, 1)
head = struct.pack("!HHI", 1234, int(sys.argv[2]), 0)
body = head + struct.pack("<I", crc32c(head + bytes(4) + init)) + init
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as sock:
    sock.sendto(body, (sys.argv[1], 0))
"""
_RECEIVE = """
import socket, struct
with socket.socket(socket.AF_INET, socket.SOCK_RAW, 132) as sock:
    sock.settimeout(20)
    print("ready", flush=True)
    packet, peer = sock.recvfrom(1000)
    print(peer[0], struct.unpack_from("!HH", packet, (packet[0] & 15) * 4)[1], flush=True)
"""


def test_sctp_is_forwarded(wires: Wires, firewall: Firewall) -> None:
    wires.point_to_point("pod1", 2)
    firewall.apply(POD, Rules((), (Forward(Published("sctp", 9000, 38412), "172.16.28.2/24"),)))
    python = [sys.executable, "-I", "-S", "-c"]
    receiver = subprocess.Popen(
        ["ip", "netns", "exec", "pod1", *python, _RECEIVE], stdout=subprocess.PIPE, text=True
    )
    try:
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "ready\n"
        subprocess.run(
            ["ip", "netns", "exec", "outside", *python, _SEND, HOST4, "9000"], check=True
        )
        assert receiver.stdout.readline() == f"{OUTSIDE4} 38412\n"
    finally:
        receiver.kill()
        receiver.communicate()
