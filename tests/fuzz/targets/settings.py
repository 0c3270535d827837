"""Configuration: credentials, paths and stage1 of rkt's files, and logins of docker's."""

from __future__ import annotations

import json
import os
import tempfile

from rktpy.config import load
from rktpy.config.credentials import AWSAuth
from rktpy.errors import RktError
from rktpy.image.awssign import sign
from rktpy.image.layered.logins import find_login
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target

_KEYS = (
    "rktKind", "rktVersion", "domains", "type", "credentials", "user", "password", "token",
    "registries",
    "accessKeyID", "secretAccessKey", "awsRegion", "data", "stage1-images", "name", "version",
    "location",
    "auths", "auth",
)  # fmt: skip
_FOLDERS = ("auth.d", "paths.d", "stage1.d")


def _seeds() -> list[bytes]:
    basic = {"user": "a", "password": "b"}
    keys = {"accessKeyID": "a", "secretAccessKey": "b", "awsRegion": ""}
    auth = {"rktKind": "auth", "rktVersion": "v1", "domains": ["s3-eu-west-1.amazonaws.com"]}
    bodies = [
        auth | {"type": "basic", "credentials": basic},
        auth | {"type": "oauth", "credentials": {"token": "x"}},
        auth | {"type": "aws", "credentials": keys},
        {"rktKind": "dockerAuth", "rktVersion": "v1", "registries": ["r"], "credentials": basic},
        {"rktKind": "paths", "rktVersion": "v1", "data": "/a", "stage1-images": "/b"},
        {"rktKind": "stage1", "rktVersion": "v1", "name": "a", "version": "1", "location": "/x"},
        {"auths": {"https://r/v1/": {"auth": "YTpi"}}},
    ]
    return [json.dumps(body).encode() for body in bodies]


class _Settings:
    def __init__(self) -> None:
        self._folder: str | None = None

    def run(self, data: bytes) -> None:
        folder = self._files(data)
        for name in _FOLDERS:
            try:
                config = load("", folder, only=name)
            except RktError:
                continue
            config.objects()
            for host, found in config.auth.items():
                if isinstance(found, AWSAuth):
                    sign(found, "GET", "https://example.com/a?b=c")
                    found.region_for(host)
                else:
                    found.header()
        os.environ["DOCKER_CONFIG"] = folder
        login = find_login("r", {})
        if login is not None:
            login.header()

    def _files(self, data: bytes) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp()
            for name in _FOLDERS:
                os.mkdir(f"{self._folder}/{name}")
        for name in (*(f"{one}/a.json" for one in _FOLDERS), "config.json"):
            with open(f"{self._folder}/{name}", "wb") as file:
                file.write(data)
        return self._folder


TARGET = Target(_Settings().run, _seeds, structured(_KEYS), stretch_json)
