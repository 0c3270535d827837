"""The table of rkt-cli 1.4: how words become a command and its options."""

from __future__ import annotations

import os

import pytest

from rktpy.cli import walk
from rktpy.cli.output import SECOND
from rktpy.errors import UsageError

NOTHING: dict[str, str] = {}


def read(*words: str, environ: dict[str, str] | None = None) -> walk.Reading:
    command, rest = walk.find(words, environ or NOTHING)
    return walk.read(command, rest, environ or NOTHING)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("version", "version"),
        ("ver", "version"),
        ("im li", "image list"),
        ("image list", "image list"),
        ("run", "run"),  # also the beginning of run-prepared
        ("run-p", "run-prepared"),
        ("l", "list"),  # logs is ours and must not make it ambiguous
        ("t", "trust"),
        ("--debug list", "list"),
        ("--dir /x list", "list"),
        ("--dir list list", "list"),
        ("--dir=/x image --debug gc", "image gc"),
        ("image", "image"),
        ("image nosuch", "image"),
        ("--net=host run IMG", "run"),
        ("--pull-policy=new --insecure-options=image fetch X", "fetch"),
        ("--pretty-print=false config", "config"),
        ("--no-store --debug --insecure-options=tls,image fetch X", "fetch"),
        ("--no-store fetch X", "fetch"),  # rkt takes fetch for the value
        ("--pull-policy new fetch X", "fetch"),
        ("--net run IMG", "run"),
        ("", ""),
        ("--debug", ""),
    ],
)
def test_a_line_names_this_command(line: str, path: str) -> None:
    command, _ = walk.find(line.split(), NOTHING)

    assert " ".join(command.path) == path


@pytest.mark.parametrize(
    "line", ["nosuch", "re", "--debug nosuch", "app", "attach", "--nosuch a b"]
)
def test_an_unknown_or_ambiguous_word_is_no_command(line: str) -> None:
    with pytest.raises(walk.UnknownCommandError, match=r'unknown command ".*" for "rkt"'):
        walk.find(line.split(), NOTHING)


def test_the_name_of_the_command_is_taken_out_once() -> None:
    _, rest = walk.find(["--dir", "rm", "--debug", "rm", "rm"], NOTHING)

    assert rest == ["--dir", "rm", "--debug", "rm"]


@pytest.mark.parametrize("value", ["1", "t", "T", "TRUE", "true", "True"])
def test_an_experiment_adds_its_commands(value: str) -> None:
    command, _ = walk.find(["app", "add"], {"RKT_EXPERIMENT_APP": value})

    assert command.path == ("app", "add")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("list --x", "unknown flag: --x"),
        ("list --x=1", "unknown flag: --x"),
        ("--x", "unknown flag: --x"),
        ("list -x", "unknown shorthand flag: 'x' in -x"),
        ("list -hx", "unknown shorthand flag: 'x' in -x"),
        ("logs -fn", "flag needs an argument: 'n' in -n"),
        ("list --format", "flag needs an argument: --format"),
        ("list --dir", "flag needs an argument: --dir"),
        ("list --=x", "bad flag syntax: --=x"),
        ("list ---x", "bad flag syntax: ---x"),
        ("list ---", "bad flag syntax: ---"),
        (
            "list --full=maybe",
            'invalid argument "maybe" for --full:'
            ' strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("list --format=yaml", 'invalid argument "yaml" for --format: Invalid format option: yaml'),
        ("list --dir=", 'invalid argument "" for --dir: "" is not a valid directory'),
        (
            "gc --grace-period=5",
            'invalid argument "5" for --grace-period: time: missing unit in duration 5',
        ),
        (
            "gc --grace-period=soon",
            'invalid argument "soon" for --grace-period: time: invalid duration soon',
        ),
        (
            "metadata-service --listen-port=x",
            'invalid argument "x" for --listen-port: strconv.ParseInt: parsing "x": invalid syntax',
        ),
        ("run --user=root A", 'invalid argument "root" for --user: --user must follow an image'),
        (
            "fetch --signature=s A",
            'invalid argument "s" for --signature: --signature must follow an image',
        ),
        (
            "run --set-env=A",
            'invalid argument "A" for --set-env: must be specified as key=value',
        ),
        (
            "run --set-env=A=1 --set-env=A=2",
            'invalid argument "A=2" for --set-env: key "A" already set',
        ),
        (
            "run --stage1-path=a --stage1-path=b",
            'invalid argument "b" for --stage1-path: --stage1-path already used',
        ),
        (
            "run --stage1-path=a --stage1-url=b",
            'invalid argument "b" for --stage1-url:'
            " flags --stage1-url and --stage1-path are mutually exclusive",
        ),
        ("run --insecure-options=x", 'invalid argument "x" for --insecure-options:'),
        ("run --port=80", 'invalid argument "80" for --port: "80" is not in name:[ip:]port format'),
        ("run --port=f$o:80", '"f$o" is not a valid port name: '),
        ("run --port=foo:1.2.3:80", '"1.2.3" is not a valid IP'),
        ("run --port=foo:123456", '"123456" is not a valid port number'),
        ("run --net=a,a", 'found duplicate netname "a"'),
        ("run --net=a,", "netname must not be empty"),
        ("run --net=host:IP=1", 'arguments are not supported by special netname "host"'),
        ("run --net=a:b:c", "provided with invalid arguments: "),
        ("run --volume=v,kind=x A", 'invalid value in --volume flag "v,kind=x": '),
        ("run --mount=volume=v,target=/,x=1", 'unknown mount parameter "x"'),
        ("run --mount=volume=V,target=/x", 'invalid volume name "V" in --mount flag'),
        ("status --wait=soon x", "time: invalid duration soon"),
        ("run --stdin=tty A", "unknown flag: --stdin"),  # behind an experiment
    ],
)
def test_a_wrong_option_is_refused_in_these_words(line: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(*line.split())

    assert message in refused.value.message


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("list --full", "full", True),
        ("list --full=true", "full", True),
        ("list --full=0", "full", False),
        ("--full list", "full", True),
        ("list --format json", "format", "json"),
        ("list --format=json", "format", "json"),
        ("list --format=", "format", ""),
        ("list", "full", False),
        ("list --debug", "debug", True),
        ("list -h", "help", True),
        ("list -h=false", "help", False),
        ("config", "pretty-print", True),
        ("--pretty-print=false config", "pretty-print", False),
        ("gc", "grace-period", 1800 * SECOND),
        ("gc --grace-period=0", "grace-period", 0),
        ("gc --grace-period 1h30m", "grace-period", 5400 * SECOND),
        ("status", "wait", 0),
        ("status --wait", "wait", -1),
        ("status --wait=false", "wait", 0),
        ("status --wait=1m30s", "wait", 90 * SECOND),
        ("status --wait=0s", "wait", 0),
        ("run --net", "net", ("default",)),
        ("run --net=a,b:IP=1;X=2 --net=c", "net", ("a,b:IP=1;X=2", "c")),
        ("run", "net", ()),
        ("run --set-env=A=1 --set-env=B=x=y", "set-env", (("A", "1"), ("B", "x=y"))),
        ("run --dns=1.1.1.1 --dns=8.8.8.8", "dns", ("1.1.1.1", "8.8.8.8")),
        ("run --port=foo:123", "port", ("foo:123",)),
        ("run --port=foo:127.0.0.1:123", "port", ("foo:127.0.0.1:123",)),
        ("run", "pull-policy", "new"),
        ("fetch", "pull-policy", "update"),
        ("metadata-service", "listen-port", 18112),
    ],
)
def test_an_option_has_this_value(line: str, name: str, value: object) -> None:
    assert read(*line.split()).options()[name] == value


def test_directories_become_absolute() -> None:
    assert read("list", "--dir=x/../y").options()["dir"] == os.path.join(os.getcwd(), "y")


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("rm A --debug B", ["A", "B"]),
        ("rm A -- --debug", ["A", "--debug"]),
        ("rm -", ["-"]),
        ("enter --app=x U ls --all", ["U", "ls", "--all"]),
        ("enter U -- ls", ["U", "--", "ls"]),
        ("run --debug A --debug", ["A", "--debug"]),
        ("run --full=", None),
        ("list --full true", ["true"]),  # a boolean takes no word
        ("run --net host", ["host"]),  # nor does an option whose value is optional
    ],
)
def test_these_words_are_left_as_arguments(line: str, args: list[str] | None) -> None:
    if args is None:
        with pytest.raises(UsageError):
            read(*line.split())
    else:
        assert read(*line.split()).args == args


@pytest.mark.parametrize(
    ("line", "notice"),
    [
        ("fetch --no-store", "--no-store has been deprecated, please use --pull-policy=update"),
        ("fetch --store-only", "--store-only has been deprecated, please use --pull-policy=never"),
    ],
)
def test_a_deprecated_option_works_and_says_so(line: str, notice: str) -> None:
    reading = read(*line.split())

    assert reading.notices == [f"Flag {notice}"]
    assert len(reading.given) == 1


def test_only_what_was_given_counts_as_given() -> None:
    reading = read("list", "--full=false")

    assert reading.given == {"full"}


@pytest.mark.parametrize(
    ("line", "accepted"),
    [
        ("status U", True),
        ("status", False),
        ("status U V", False),
        ("status --uuid-file=F", True),
        ("status --uuid-file=F U", False),
        ("stop A B C", True),
        ("stop", False),
        ("cat-manifest --uuid-file=F U V", True),
        ("cat-manifest", False),
        ("run-prepared", False),
        ("run-prepared A B", False),
        ("image export A", False),
        ("image export A B", True),
        ("enter", False),
        ("enter U ls -l", True),
        ("version extra", True),
    ],
)
def test_the_number_of_arguments_is_checked(line: str, accepted: bool) -> None:  # noqa: FBT001
    reading = read(*line.split())

    if accepted:
        walk.count_arguments(reading)
    else:
        with pytest.raises(UsageError):
            walk.count_arguments(reading)


@pytest.mark.parametrize(
    "line", ["logs -f -n 5 UUID", "logs -fn5 UUID", "logs -n=5 -f UUID", "logs UUID -fn 5"]
)
def test_letters_are_joined_and_may_have_values(line: str) -> None:
    reading = read(*line.split())

    assert (reading.values, reading.args) == ({"follow": True, "lines": 5}, ["UUID"])
