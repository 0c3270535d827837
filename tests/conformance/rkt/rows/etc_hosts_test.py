"""/etc/hosts and /etc/hostname of an app (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run

_LOCAL = "127.0.0.1 localhost localhost.domain localhost4 localhost4.localdomain4"
_VOLUME = (
    "--volume=hosts,kind=host,source={host}/file",
    "--mount=volume=hosts,target=/etc/hosts",
)


def rows() -> list[Row]:
    def ran(path: str, look: str, *words: str) -> Run:
        return Run(run(f"--set-env=FILE={path}", *words), (Image((look,)),))

    def hosts(*options: str, look: str = "--read-file") -> Run:
        return ran("/etc/hosts", look, *options, "{image}")

    def hostname(*words: str, look: str = "--read-file") -> Run:
        return ran("/etc/hostname", look, "{image}", *words)

    host = "--hosts-entry=host"
    return [
        Row("a volume in its place", hosts(*_VOLUME), "<<<host>>>"),
        Row("the fallback", hosts(), f"{_LOCAL} rkt-[a-z0-9-]{{36}}"),
        Row("the host's", hosts(host, look="--hash-file"), "sha1sum: {hosts}"),
        Row("the host's, said twice", hosts(host, host, look="--hash-file"), "sha1sum: {hosts}"),
        Row("an entry", hosts("--hosts-entry=128.66.0.99=host1"), "128.66.0.99 host1"),
        Row("mode of /etc/hostname", hostname(look="--stat-file"),
            "/etc/hostname: mode: -rw-r--r--"),
        Row("a host name of one's own", hostname("--hostname", "custom_hostname_setting"),
            "<<<custom_hostname_setting"),
        Row("the host name from the UUID", hostname(), "<<<rkt-"),
    ]  # fmt: skip
