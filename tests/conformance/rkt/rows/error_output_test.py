"""Errors of stage1 reach the user (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run


def rows() -> list[Row]:
    words = ("run", "--insecure-options=image", "--net=notavalidnetwork", "{image}")
    expect = "stage1: failed to setup network"
    return [Row("an unknown network", Run(words, (Image(),), FAILED), expect)]
