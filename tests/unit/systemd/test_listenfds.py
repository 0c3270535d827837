"""Descriptors handed over, told by what they are. They are made at 3 and up in a child."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Makes the descriptors that the words say, at 3 and up, and prints what is read of them.
CHILD = """
import os, socket, sys
sys.path.insert(0, os.getcwd())
from rktpy.systemd.listenfds import ListenError, inherited, meant_for_another
made = []
for word in sys.argv[3:]:
    kind, _, place = word.partition(":")
    if kind == "fifo":
        made.append(os.pipe()[0])
        continue
    family = {"4": socket.AF_INET, "6": socket.AF_INET6, "u": socket.AF_UNIX}[kind[0]]
    one = socket.socket(family, {"s": socket.SOCK_STREAM, "d": socket.SOCK_DGRAM,
                                 "q": socket.SOCK_SEQPACKET}[kind[1]])
    if place:
        one.bind((place, 0) if family != socket.AF_UNIX else place.replace("@", chr(0)))
    made.append(one.detach())
moved = [os.dup2(os.dup(fd), 100 + number) for number, fd in enumerate(made)]
os.closerange(3, 100)
for number, fd in enumerate(moved):
    os.dup2(fd, 3 + number, inheritable=True)
os.closerange(100, 120)
env = {"LISTEN_FDS": sys.argv[1], "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": sys.argv[2]}
try:
    for one in inherited(env):
        print(one.name, one.text.replace(str(one.port), "N"), one.directive, one.protocol,
              one.address.replace(str(one.port), "N") == one.text.replace(str(one.port), "N"),
              sep="|")
    print(os.fstat(3).st_mode > 0)
except ListenError as error:
    print(error.message)
print(repr(meant_for_another(env)), repr(meant_for_another(env | {"LISTEN_PID": "1"})))
"""


def read(count: str, names: str, *words: str) -> list[str]:
    argv = [sys.executable, "-c", CHILD, count, names, *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("4s:127.0.0.1", "x|127.0.0.1:N|ListenStream|tcp|True"),
        ("4d:127.0.0.1", "x|127.0.0.1:N|ListenDatagram|udp|True"),
        ("us:@a b", "x|@a b|ListenStream||True"),
        ("uq:@a", "x|@a|ListenSequentialPacket||True"),
        ("us:@a\\", "x|a socket without a name|||False"),
        ("us", "x|a socket without a name|||False"),
        ("fifo", "x|a FIFO|||False"),
    ],
)
def test_a_descriptor_is_told_by_its_address(word: str, said: str) -> None:
    assert read("1", "x", word)[:2] == [said.replace("N", "N"), "True"]


def test_names_come_in_the_order_of_descriptors() -> None:
    said = read("2", "one:two", "us:@1", "us:@2")
    assert [line.split("|")[:2] for line in said[:2]] == [["one", "@1"], ["two", "@2"]]


def test_without_a_name_for_each_none_has_one() -> None:
    said = read("2", "one", "us:@1", "us:@2")
    assert [line.split("|")[0] for line in said[:2]] == ["unknown", "unknown"]


def test_a_descriptor_that_is_not_there_is_refused() -> None:
    assert read("2", "", "us:@1")[0] == "LISTEN_FDS promises descriptor 4, but it is not open"


def test_descriptors_of_others_are_left_alone() -> None:
    assert read("1", "x", "us:@1")[-1] == "'' '1'"
    assert read("nonsense", "", "us:@1")[-1] == "'' ''"
