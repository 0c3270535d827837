"""Where a command works: directories, security switches, configuration.

Built once by the command line, unpacked by a verb, never passed below the verbs.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.layout import DEFAULT_DATA_DIR, Layout
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import ClassVar, Self

    from rktpy.config import Config, Stage1
    from rktpy.image.means import Talk

SYSTEM_CONFIG = "/usr/lib/rkt"
LOCAL_CONFIG = "/etc/rkt"


class InsecureOptionError(RktError):
    """A word of ``--insecure-options`` is unknown or given twice."""


class ConfigurationError(RktError):
    """The configuration directories cannot be used; the cause says which file and why."""


class DataDirError(RktError):
    """The data directory cannot be used, because others may change what is in it."""


class Insecure(Value):
    """Which safeguards the user disabled with ``--insecure-options`` (rkt-cli 1.2).

    ``ondisk`` is kept only so that the word is accepted and shown; nothing reads it.
    """

    image: bool = False
    tls: bool = False
    ondisk: bool = False
    http: bool = False
    pubkey: bool = False
    capabilities: bool = False
    paths: bool = False
    seccomp: bool = False

    # Words in help order. A group word stands for several fields.
    WORDS: ClassVar[tuple[str, ...]] = (
        "none",
        *("image", "tls", "ondisk", "http", "pubkey", "capabilities", "paths", "seccomp"),
        *("all-fetch", "all-run", "all"),
    )
    GROUPS: ClassVar[dict[str, tuple[str, ...]]] = {
        "none": (),
        "all-fetch": ("image", "tls", "http", "pubkey"),
        "all-run": ("capabilities", "paths", "seccomp"),
        "all": WORDS[1:9],
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a comma separated list; letter case does not matter, empty text clears.

        Raises:
            InsecureOptionError: a word is unknown or repeated.
        """
        chosen: dict[str, bool] = {}
        seen: list[str] = []
        for word in text.lower().split(",") if text else ():
            if word in seen:
                raise InsecureOptionError(f"duplicated option {_quote(word)}")
            if word not in cls.WORDS:
                raise InsecureOptionError(
                    f"unknown option {_quote(word)}", hint="choose from " + ",".join(cls.WORDS)
                )
            seen.append(word)
            for field in cls.GROUPS.get(word, (word,)):
                chosen[field] = True
        return cls(**chosen)

    @property
    def words(self) -> tuple[str, ...]:
        """The single words that are set, in help order."""
        return tuple(word for word in self.WORDS[1:9] if getattr(self, word))

    @property
    def skips_all(self) -> bool:
        """Whether every safeguard is disabled."""
        return len(self.words) == len(self.WORDS[1:9])

    @property
    def skips_any(self) -> bool:
        """Whether at least one safeguard is disabled."""
        return bool(self.words)

    def __str__(self) -> str:
        return ",".join(self.words) or "none"


class Site:
    """One installation as one command sees it.

    ``data_dir`` is what ``--dir`` gave, empty if it was not given: then configuration decides,
    and only a command that asks for ``layout`` pays for reading it.
    """

    __slots__ = (
        "_config",
        "_layout",
        "_talk",
        "data_dir",
        "debug",
        "insecure",
        "local_config",
        "system_config",
        "trust_keys_from_https",
        "user_config",
    )

    def __init__(
        self,
        *,
        data_dir: str = "",
        system_config: str = SYSTEM_CONFIG,
        local_config: str = LOCAL_CONFIG,
        user_config: str = "",
        insecure: Insecure | None = None,
        debug: bool = False,
        trust_keys_from_https: bool = False,
        talk: Callable[[], Talk] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.system_config = system_config
        self.local_config = local_config
        self.user_config = user_config
        self.insecure = insecure if insecure is not None else Insecure()
        self.debug = debug
        self.trust_keys_from_https = trust_keys_from_https
        self._talk = talk
        self._layout: Layout | None = None
        self._config: Config | None = None

    @property
    def roots(self) -> tuple[str, str, str]:
        """The configuration directories, the strongest last; the user's is often ""."""
        return (self.system_config, self.local_config, self.user_config)

    @property
    def talk(self) -> Talk:
        """The person at the terminal, or nobody."""
        if self._talk is not None:
            return self._talk()
        from rktpy.image.means import Nobody

        return Nobody()

    @property
    def layout(self) -> Layout:
        """Paths below the effective data directory, symlinks resolved (rkt-cli 1.1).

        Raises:
            ConfigurationError: ``--dir`` is absent and the configuration is broken.
            DataDirError: it exists but cannot be resolved, or others may change what is in it.
        """
        if self._layout is None:
            self._layout = Layout(_real_path(self.data_dir or self._configured_data_dir()))
            for path in (self._layout.data, self._layout.cas):
                _check_owner(path)
        return self._layout

    def config(self) -> Config:
        """Return the merged configuration, read on first use.

        Raises:
            ConfigurationError: a file is broken; the cause names it.
        """
        if self._config is None:
            from rktpy import config  # only commands that need it pay for it

            try:
                self._config = config.load(*self.roots)
            except (RktError, OSError) as error:
                raise ConfigurationError("cannot get configuration") from error
        return self._config

    def default_stage1(self) -> Stage1 | None:
        """Return the default stage1 image that is configured, None if none is.

        Raises:
            ConfigurationError: a file below ``stage1.d`` is broken; the cause names it.
        """
        config = self._part("stage1.d")
        if config is None or not (config.stage1.name or config.stage1.location):
            return None
        return config.stage1

    def image_rules(self) -> Mapping[str, str]:
        """Return the rules for images of registries, by prefix.

        Raises:
            ConfigurationError: a file below ``policy.d`` is broken; the cause names it.
        """
        config = self._part("policy.d")
        return config.rules if config is not None else {}

    @property
    def stage1_images(self) -> str:
        """The configured directory of stage1 images, "" if there is none.

        Raises:
            ConfigurationError: a file below ``paths.d`` is broken; the cause names it.
        """
        config = self._part("paths.d")
        return config.paths.stage1_images if config is not None else ""

    def _configured_data_dir(self) -> str:
        config = self._part("paths.d")
        return config.data_dir or DEFAULT_DATA_DIR if config is not None else DEFAULT_DATA_DIR

    def _part(self, directory: str) -> Config | None:
        """Return what one directory of the configuration says, None where no root has it.

        Credentials need not be readable for a ``list``; and two or three failing lookups are far
        cheaper than importing the reader to find nothing.
        """
        if not any(root and os.path.lexists(f"{root}/{directory}") for root in self.roots):
            return None
        from rktpy import config

        try:
            return config.load(*self.roots, only=directory)
        except (RktError, OSError) as error:
            raise ConfigurationError("cannot get configuration") from error


def _real_path(path: str) -> str:
    try:
        return os.path.realpath(path, strict=True)
    except FileNotFoundError:
        return path  # rkt creates it on first use
    except OSError as error:
        raise DataDirError(f"cannot evaluate dataDir {_quote(path)} real path") from error


def _check_owner(path: str) -> None:
    """Refuse a directory that another user owns, or that anybody can write.

    Whoever can rename what is in it decides what runs.

    Raises:
        DataDirError: it is refused.
    """
    try:
        info = os.stat(path)
    except OSError:
        return  # not there yet, or whoever uses it will tell
    if info.st_uid not in (0, os.geteuid()):
        raise DataDirError(
            f"the data directory {path} belongs to user {info.st_uid}",
            hint="choose another with --dir, or give it to root",
        )
    if info.st_mode & 0o002:
        raise DataDirError(f"anybody can write {path}", hint=f"try: chmod o-w {path}")


def _quote(text: str) -> str:
    from rktpy import codec  # messages only

    return codec.quote(text)
