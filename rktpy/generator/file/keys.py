"""Which key of a ``.pod`` file is which option of ``rktpy``: the table, as data.

Where podman's quadlet has the thing, the key has quadlet's name; values are those of the option.
"""

from __future__ import annotations

from rktpy.value import Value

# How a value becomes options.
ONE = "one"  # the last assignment counts, as it stands
LIST = "list"  # each assignment is an option; an empty one forgets those before it
WORDS = "words"  # the same for each word, with quotes and escapes
YES = "yes"  # systemd's booleans


class Key(Value):
    """The option that a key stands for. ``words``: what it may say, if that is limited."""

    kind: str
    option: str
    words: tuple[str, ...] = ()


# Before the command, in every call of rktpy that the unit makes: they say where the pod is.
GLOBAL = {
    "DataDir": Key(ONE, "dir"),
    "Debug": Key(YES, "debug"),
    "InsecureOptions": Key(LIST, "insecure-options"),
    "LocalConfig": Key(ONE, "local-config"),
    "SystemConfig": Key(ONE, "system-config"),
    "TrustKeysFromHTTPS": Key(YES, "trust-keys-from-https"),
    "UserConfig": Key(ONE, "user-config"),
}

POD = {
    "AddHost": Key(LIST, "hosts-entry"),
    "DNS": Key(LIST, "dns"),
    "DNSDomain": Key(ONE, "dns-domain"),
    "DNSOption": Key(LIST, "dns-opt"),
    "DNSSearch": Key(LIST, "dns-search"),
    "Environment": Key(WORDS, "set-env"),
    "EnvironmentFile": Key(LIST, "set-env-file"),
    "HostName": Key(ONE, "hostname"),
    "IPC": Key(ONE, "ipc", ("auto", "private", "parent")),
    "InheritEnvironment": Key(YES, "inherit-env"),
    "Label": Key(WORDS, "pod-label"),
    "Mount": Key(LIST, "mount"),
    "Network": Key(LIST, "net"),
    "NoOverlay": Key(YES, "no-overlay"),
    "PodManifest": Key(ONE, "pod-manifest"),
    "PodName": Key(ONE, "pod-name"),
    "PrivateUsers": Key(YES, "private-users"),
    "PublishPort": Key(LIST, "port"),
    "Pull": Key(ONE, "pull-policy", ("new", "never", "update")),
    "Stage1FromDir": Key(ONE, "stage1-from-dir"),
    "Stage1Hash": Key(ONE, "stage1-hash"),
    "Stage1Name": Key(ONE, "stage1-name"),
    "Stage1Path": Key(ONE, "stage1-path"),
    "Stage1URL": Key(ONE, "stage1-url"),
    "StrictIsolators": Key(YES, "strict-isolators"),
    "UUIDFile": Key(ONE, "uuid-file-save"),
    "Volume": Key(LIST, "volume"),
}

# Behind the image of the app.
APP = {
    "Annotation": Key(WORDS, "annotation"),
    "CPU": Key(ONE, "cpu"),
    "CPUShares": Key(ONE, "cpu-shares"),
    "CapabilitiesRemove": Key(LIST, "caps-remove"),
    "CapabilitiesRetain": Key(LIST, "caps-retain"),
    "Environment": Key(WORDS, "environment"),
    "Group": Key(ONE, "group"),
    "Label": Key(WORDS, "user-label"),
    "Memory": Key(ONE, "memory"),
    "Mount": Key(LIST, "mount"),
    "OOMScoreAdjust": Key(ONE, "oom-score-adj"),
    "PidsLimit": Key(ONE, "pids-limit"),
    "ReadOnly": Key(YES, "readonly-rootfs"),
    "SeccompFilter": Key(ONE, "seccomp"),
    "Signature": Key(ONE, "signature"),
    "Stderr": Key(ONE, "stderr", ("log", "null", "stream", "tty")),
    "Stdin": Key(ONE, "stdin", ("null", "stream", "tty")),
    "Stdout": Key(ONE, "stdout", ("log", "null", "stream", "tty")),
    "SupplementaryGroups": Key(LIST, "supplementary-gids"),
    "User": Key(ONE, "user"),
    "UserAnnotation": Key(WORDS, "user-annotation"),
    "WorkingDir": Key(ONE, "working-dir"),
}

# Keys of an app that are no options; ``rktpy.generator.file.apps`` and ``health`` read them.
APP_OWN = {
    "Args": Key(WORDS, ""),
    "Exec": Key(WORDS, ""),
    "HealthCmd": Key(WORDS, ""),
    "HealthInterval": Key(ONE, ""),
    "HealthOnFailure": Key(ONE, "", ("none", "restart", "stop")),
    "HealthRetries": Key(ONE, ""),
    "HealthTimeout": Key(ONE, ""),
    "Image": Key(ONE, ""),
    "Notify": Key(ONE, "", ("ready", "healthy")),
    "Volume": Key(LIST, ""),
}

# For what has no key: words that are put before the first image, or behind the app's.
POD_OWN = {"RunArgs": Key(WORDS, "")}

SECTIONS = {"Pod": {**GLOBAL, **POD, **POD_OWN}, "App": {**APP, **APP_OWN}}
THROUGH = ("Unit", "Service", "Install")

# Options of ``rktpy run`` without a key, and why: a unit test holds the table against this list.
LEFT_OUT = {
    "exec": "Exec=",
    "name": "the name of the section",
    "interactive": "a service has no terminal",
    "quiet": "a service has no terminal",
    "replace": "every unit has it",
    "mds-register": "there is no metadata service",
    "store-only": "deprecated",
    "no-store": "deprecated",
    "cap-retain": "deprecated",
    "cap-remove": "deprecated",
}

_STREAMS = ("--stdin", "--stdout", "--stderr")
_STREAM_ANNOTATION = "coreos.com/rkt/stage2/"  # rktpy.pod.app.streams has the same


def ungated(word: str) -> str:
    """Return ``--OPTION=VALUE`` of an app as a unit can say it: options of streams exist only with
    a variable in the environment, the annotations they set always do."""
    option, _, value = word.partition("=")
    if option not in _STREAMS:
        return word
    return f"--annotation={_STREAM_ANNOTATION}{option[2:]}={value}"
