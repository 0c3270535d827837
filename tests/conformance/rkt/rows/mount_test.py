"""Targets that lead through links of the image (rkt-cli.md 12.4); eleven apps in one pod."""

from __future__ import annotations

from tests.conformance.rkt.row import App, Image, Row, one_pod

_TARGETS = (
    ("/dir1/link_abs_dir2/foo", "/dir2/foo"),
    ("/dir1/link_rel_dir2/bar", "/dir2/bar"),
    ("/dir1/../dir1/.//link_rel_dir2/foo", "/dir2/foo"),
    ("/dir1/../../../foo", "/foo"),
    ("/dir1/link_abs_dotdot_dir2/foo", "/dir2/foo"),
    ("/dir1/../../../newdir/foo", "/newdir/foo"),
    ("/dir1/link_rel_dir2/newdir/foo", "/dir2/newdir/foo"),
    ("/dir1/link_abs_dir2/newdir/foo", "/dir2/newdir/foo"),
    ("/dir1/link_abs_notexists/newdir1/newdir2/foo", "/notexists/newdir1/newdir2/foo"),
    ("/dir1/link_abs_root/newdir1/newdir2/foo", "/newdir1/newdir2/foo"),
    ("../" * 15 + "foo", "/foo"),
)


def rows() -> list[Row]:
    apps = [
        App(f"{target} is {path}", Image(("--read-file", f"--file-name={path}")), "<<<host>>>",
            (f"--mount=volume=test,target={target}",))
        for target, path in _TARGETS
    ]  # fmt: skip
    return one_pod(apps, "--volume=test,kind=host,source={host}/file")
