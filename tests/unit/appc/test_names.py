"""Labels, architectures and image names as typed."""

from __future__ import annotations

import os
import re

import pytest

from rktpy.appc.arch import (
    RUNNABLE,
    VALID,
    check_labels,
    check_runnable,
    from_go,
    host_arch,
)  # fmt: skip
from rktpy.appc.names import ImageName, app_name, format_image_name
from rktpy.appc.types import ACIdentifier, AppcError, Label

LINUX = "[amd64 i386 aarch64 aarch64_be armv6l armv7l armv7b ppc64 ppc64le s390x]"
RUNS = "[amd64 i386 aarch64 aarch64_be armv6l armv7l armv7b ppc64le]"


def labels(*pairs: str) -> tuple[Label, ...]:
    return tuple(Label(name, value) for name, _, value in (p.partition("=") for p in pairs))


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


@pytest.mark.parametrize("pair", [(o, a) for o, arches in VALID.items() for a in arches])
def test_every_listed_pair_is_valid(pair: tuple[str, str]) -> None:
    check_labels(labels(f"os={pair[0]}", f"arch={pair[1]}"))


@pytest.mark.parametrize("given", [(), ("arch=anything",), ("os=linux",), ("version=",)])
def test_an_arch_counts_only_beside_an_os(given: tuple[str, ...]) -> None:
    check_labels(labels(*given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            ("os=OS/360", "arch=S/360"),
            'bad os "OS/360" (must be one of: [darwin freebsd linux])',
        ),
        (("os=linux", "arch=arm64"), f'bad arch "arm64" for linux (must be one of: {LINUX})'),
        (("arch=S390x", "os=linux"), f'bad arch "S390x" for linux (must be one of: {LINUX})'),
        (
            ("os=freebsd", "arch=armv7b"),
            'bad arch "armv7b" for freebsd (must be one of: [amd64 i386 arm])',
        ),
        (
            ("os=darwin", "arch=amd64"),
            'bad arch "amd64" for darwin (must be one of: [x86_64 i386])',
        ),
        (("name=x",), 'invalid label name: "name"'),
        (("os=linux", "os=freebsd"), 'duplicate labels of name "os"'),
        (("arch=amd64", "os=freebsd", "arch=x86_64"), 'duplicate labels of name "arch"'),
    ],
)
def test_bad_labels_say_why(given: tuple[str, ...], told: str) -> None:
    with refused(told):
        check_labels(labels(*given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((), "missing os label in the image manifest"),
        (("arch=amd64",), "missing os label in the image manifest"),
        (("os=linux",), "missing arch label in the image manifest"),
        (("os=freebsd", "arch=amd64"), 'bad os "freebsd" (must be one of: [linux])'),
        (("os=linux", "arch=ppc64"), f'bad arch "ppc64" for linux (must be one of: {RUNS})'),
        (("os=linux", "arch=x"), f'bad arch "x" for linux (must be one of: {RUNS})'),
    ],
)
def test_what_cannot_run_says_why(given: tuple[str, ...], told: str) -> None:
    with refused(told):
        check_runnable(labels(*given))


@pytest.mark.parametrize("arch", RUNNABLE["linux"])
def test_linux_images_of_known_machines_run(arch: str) -> None:
    check_runnable(labels("os=linux", f"arch={arch}"))


@pytest.mark.parametrize(
    ("machine", "arch"),
    [
        ("x86_64", "amd64"), ("i686", "i386"), ("i386", "i386"), ("aarch64", "aarch64"),
        ("armv6l", "armv6l"), ("armv7l", "armv7l"), ("armv8l", "armv7l"), ("ppc64le", "ppc64le"),
        ("s390x", "s390x"), ("riscv64", "riscv64"),
    ],
)  # fmt: skip
def test_machines_have_appc_names(machine: str, arch: str) -> None:
    assert host_arch(machine) == arch


def test_this_machine_is_the_default() -> None:
    assert host_arch() == host_arch(os.uname().machine)


@pytest.mark.parametrize(
    ("platform", "pair"),
    [
        (("linux", "amd64", ""), ("linux", "amd64")),
        (("linux", "386", ""), ("linux", "i386")),
        (("linux", "arm64", ""), ("linux", "aarch64")),
        (("linux", "arm64", "v8"), ("linux", "aarch64")),
        (("linux", "arm", ""), ("linux", "armv6l")),
        (("linux", "arm", "v6"), ("linux", "armv6l")),
        (("linux", "arm", "7"), ("linux", "armv7l")),
        (("linux", "ppc64", ""), ("linux", "ppc64")),
        (("linux", "ppc64le", ""), ("linux", "ppc64le")),
        (("linux", "s390x", ""), ("linux", "s390x")),
        (("freebsd", "arm", "5"), ("freebsd", "arm")),
        (("darwin", "amd64", ""), ("darwin", "x86_64")),
    ],
)
def test_go_platforms_have_appc_names(
    platform: tuple[str, str, str], pair: tuple[str, str]
) -> None:
    assert from_go(*platform) == pair
    assert pair[1] in VALID[pair[0]]


def test_an_unknown_platform_is_refused() -> None:
    with refused('unknown arch tuple: "plan9" - "mips" - "v2"'):
        from_go("plan9", "mips", "v2")


@pytest.mark.parametrize(
    ("text", "name", "given"),
    [
        ("example.com/worker", "example.com/worker", ()),
        ("example.com/worker:1.0.0", "example.com/worker", ("version=1.0.0",)),
        ("example.com/worker,version=1.0.0", "example.com/worker", ("version=1.0.0",)),
        ("a:1,foo=b,arch=arm,os=x", "a", ("version=1", "os=x", "arch=arm", "foo=b")),
        ("a,l=!*'();@&+$/?#[]=%41", "a", ("l=!*'();@&+$/?#[]=%41",)),
        ("a:", "a", ("version=",)),
        ("a,l=", "a", ("l=",)),
    ],
)
def test_image_names_parse(text: str, name: str, given: tuple[str, ...]) -> None:
    assert ImageName.parse(text) == ImageName(ACIdentifier(name), labels(*given))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:1:2", "malformed app string - colon may appear at most once"),
        ("a,l=x:y", "malformed app string - colon may appear only right after the app name"),
        ("a:1,l=x:y", "malformed app string - colon may appear at most once"),
        ("a:1,version=2", 'label version with multiple values ["1" "2"]'),
        ("a,x=1,x=1", 'label x with multiple values ["1" "1"]'),
        ("a,x", 'malformed string "name=a,x" - has a label without a value: x'),
        ("a,", 'malformed string "name=a," - has a label without a value: '),
        ("", "ACIdentifier cannot be empty"),
        (",x=1", "ACIdentifier cannot be empty"),
        (
            "A",
            'ACIdentifier must contain only lower case alphanumeric characters plus "-._~/"',
        ),
        (
            "a,x#=1",
            'ACIdentifier must contain only lower case alphanumeric characters plus "-._~/"',
        ),
    ],
)
def test_malformed_image_names_say_why(text: str, told: str) -> None:
    with refused(told):
        ImageName.parse(text)


@pytest.mark.parametrize(
    "text", ["a", "a:1", "a:1,os=linux,arch=amd64", "a,arch=i386", "a:1,os=x,b=1,c=2"]
)
def test_an_image_name_prints_as_it_was_typed(text: str) -> None:
    assert str(ImageName.parse(text)) == text


def test_labels_print_in_the_order_people_expect() -> None:
    given = labels("z=1", "arch=amd64", "a=2", "version=3", "os=linux")

    assert format_image_name("x", given) == "x:3,os=linux,arch=amd64,a=2,z=1"


def test_os_and_arch_default_to_this_host() -> None:
    name = ImageName.parse("a:1").with_defaults()

    assert (name.label("version"), name.label("os")) == ("1", "linux")
    assert name.label("arch") == host_arch()


def test_given_labels_win_over_defaults() -> None:
    name = ImageName.parse("a,arch=armv7l").with_defaults()

    assert [(x.name, x.value) for x in name.labels] == [("os", "linux"), ("arch", "armv7l")]


def test_a_system_that_is_not_ours_is_refused_by_name() -> None:
    with refused('bad os "freebsd" (must be one of: [linux])'):
        ImageName.parse("a,os=freebsd").with_defaults()


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("coreos.com/etcd", "etcd"),
        ("coreos.com/etcd:v2.0.0", "etcd-v2-0-0"),
        ("docker://registry.hub.docker.com/library/fedora", "fedora"),
        ("coreos.com/ace-validator-main", "ace-validator-main"),
        ("example.com/My_App", "my-app"),
    ],
)
def test_an_app_is_called_after_its_image(image: str, name: str) -> None:
    assert app_name(image) == name


def test_an_image_name_without_letters_names_no_app() -> None:
    with refused("must contain at least one valid character"):
        app_name("example.com/---")
