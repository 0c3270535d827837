"""Keys and signatures made by GnuPG, in a home of their own. Small and fast algorithms."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.support import command

if TYPE_CHECKING:
    from datetime import datetime

_BATCH = ("--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "")


class Gpg:
    """A GnuPG home; users are told apart by their mail address. Close it: it has a daemon."""

    def __init__(self) -> None:
        # Not below pytest's directories: the path of the agent's socket would be too long.
        self._home = tempfile.TemporaryDirectory(prefix="gpg")

    def generate(
        self,
        user: str,
        algorithm: str = "ed25519",
        *,
        at: datetime | None = None,
        life: str = "never",
    ) -> str:
        """Make a key for ``user`` and return its fingerprint, lower-case."""
        self._gpg(*_faked(at), "--quick-gen-key", user, algorithm, "sign", life)
        said = self._gpg("--list-keys", "--with-colons", user).decode()
        return (
            next(line for line in said.splitlines() if line.startswith("fpr")).split(":")[9].lower()
        )

    def add_subkey(self, key: str, *, at: datetime, life: str) -> str:
        """Add a subkey that signs to the key with this fingerprint; return its own, lower-case."""
        self._gpg(*_faked(at), "--quick-add-key", key.upper(), "ed25519", "sign", life)
        said = self._gpg("--list-keys", "--with-colons", key).decode().splitlines()
        return [line for line in said if line.startswith("fpr")][-1].split(":")[9].lower()

    def extend(self, key: str, subkey: str, life: str) -> None:
        """Let a subkey of ``key`` live on, from now."""
        self._gpg("--quick-set-expire", key.upper(), life, subkey.upper())

    def export(self, user: str, path: Path, *, armor: bool = True) -> Path:
        """Write the public key of ``user`` to ``path``."""
        path.write_bytes(self._gpg(*(["--armor"] if armor else []), "--export", user))
        return path

    def sign(
        self,
        user: str,
        path: Path,
        *options: str,
        at: datetime | None = None,
        to: Path | None = None,
    ) -> Path:
        """Write the detached signature of ``path`` beside it, ``.aci`` becoming ``.aci.asc``."""
        target = to or path.with_suffix(".aci.asc")
        target.unlink(missing_ok=True)
        words = ("--armor", "--local-user", user, "--output", str(target))
        self._gpg(*_faked(at), *options, *words, "--detach-sign", str(path))
        return target

    def revoke(self, fingerprint: str) -> None:
        """Revoke a key with the certificate that was made along with it."""
        name = f"{fingerprint.upper()}.rev"
        text = (Path(self._home.name) / "openpgp-revocs.d" / name).read_text()
        self._gpg("--import", given=text.replace(":-----BEGIN", "-----BEGIN").encode())

    def close(self) -> None:
        command.run(["gpgconf", "--homedir", self._home.name, "--kill", "all"])
        self._home.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _gpg(self, *words: str, given: bytes | None = None) -> bytes:
        done = subprocess.run(
            ["gpg", "--homedir", self._home.name, *_BATCH, *words],
            input=given,
            capture_output=True,
            env={"PATH": os.environ["PATH"]},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


def _faked(at: datetime | None) -> list[str]:
    return ["--faked-system-time", f"{at:%Y%m%dT%H%M%S}"] if at else []
