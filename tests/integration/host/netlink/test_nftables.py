"""What nft made, netlink counts and takes away."""

from __future__ import annotations

import subprocess

import pytest

from rktpy.host.netlink import nftables
from rktpy.host.netlink.wire import NetlinkError

TABLES = b"""
table inet one { chain a { type nat hook output priority -100; tcp dport 1 drop
tcp dport 2 drop
}
chain b { tcp dport 3 drop
}
}
table inet two { chain a { tcp dport 1 drop
}
}
table inet empty { }
table ip one { chain a { tcp dport 1 drop
}
}
"""


def listing() -> bytes:
    return subprocess.check_output(["nft", "list", "tables"])


def test_rules_are_counted_and_a_table_goes() -> None:
    assert nftables.count() == {}
    subprocess.run(["nft", "-f", "-"], input=TABLES, check=True)
    try:
        assert nftables.count() == {"one": 3, "two": 1}
        assert nftables.exists("empty")
        assert not nftables.exists("on")

        nftables.delete("one")
        nftables.delete("one")
        assert not nftables.exists("one")
        assert nftables.count() == {"two": 1}
        assert listing() == b"table inet two\ntable inet empty\ntable ip one\n"
        with pytest.raises(NetlinkError, match="delete the table"):
            nftables.delete("x" * 1000)
    finally:
        subprocess.run(["nft", "flush", "ruleset"], check=True)
