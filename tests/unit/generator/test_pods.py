"""From files to units: what a host gets from what somebody wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.cli import walk
from rktpy.generator.file.ini import Problem
from rktpy.generator.file.words import literal, split
from rktpy.generator.pods import Generated, PodFile, generate
from rktpy.generator.unit.unit import Start, service_text

PROGRAM = "/bin/true"
WEB = r"""
[Unit]
After=db.pod

[Pod]
InsecureOptions=image
Network=default:IP=172.16.28.9
PublishPort=http:8080
Volume=data,kind=empty
Label=tier=front "team=web people"
PrivateUsers=no

[App web]
Image=docker://registry.example.com/library/nginx:1.22
Environment=A=1 "B=two words" \
# said in between
   C=$HOME
Volume=/srv/www:/html:ro
Volume=data:/data
ReadOnly=yes
User=%i
HealthCmd=curl -fs "http://localhost/?a b"
Notify=healthy
HealthOnFailure=restart

[App log]
Image=example.com/log
Exec=/bin/sh -c "tail -f /log; echo 50%%"

[Service]
Restart=always
MemoryMax=1G

[Install]
WantedBy=multi-user.target
Alias=www.service
"""
DB = "[App]\nImage=example.com/db\n"


def made(text: str, *others: tuple[str, str], name: str = "web.pod") -> Generated:
    files = [(name, text), *others]
    return generate(
        [PodFile(each, ((f"/etc/rktpy/{each}", content),)) for each, content in files],
        program=PROGRAM,
    )


def lines(generated: Generated, unit: str, key: str) -> list[str]:
    text = dict(generated.units)[unit]
    found = (line.partition("=") for line in text.splitlines())
    return [value for name, _, value in found if name == key]


def command(generated: Generated, unit: str = "web.service") -> list[str]:
    """What the program is called with, but for specifiers."""
    (line,) = lines(generated, unit, "ExecStart")
    return [word.replace("$$", "$").replace("%%", "%") for word in split(line)]


def problems(text: str, *others: tuple[str, str]) -> list[str]:
    return [str(problem) for problem in made(text, *others).problems]


def test_what_is_written_is_what_run_reads() -> None:
    generated = made(WEB, ("db.pod", DB))
    assert generated.problems == ()
    words = command(generated)
    assert words[0] == PROGRAM

    found, rest = walk.find(words[1:], {})
    reading = walk.read(found, rest, {})

    assert found.path == ("run",)
    options = reading.options()
    assert options["pod-name"] == "web"
    assert options["private-users"] is False
    assert options["net"] == ("default:IP=172.16.28.9",)
    assert options["port"] == ("http:8080",)
    assert options["pod-label"] == (("tier", "front"), ("team", "web people"))
    assert options["volume"] == (
        "data,kind=empty",
        "web-volume0,kind=host,source=/srv/www,readOnly=true",
    )


def test_images_keep_their_options_and_arguments() -> None:
    words = command(made(WEB, ("db.pod", DB)))
    at = words.index("docker://registry.example.com/library/nginx:1.22")
    assert words[at + 1 :] == [
        "--name=web",
        "--environment=A=1",
        "--environment=B=two words",
        "--environment=C=$HOME",
        "--readonly-rootfs=true",
        "--user=%i",
        "--mount=volume=web-volume0,target=/html",
        "--mount=volume=data,target=/data",
        "---",
        "example.com/log",
        "--name=log",
        "--exec=/bin/sh",
        "--",
        "-c",
        "tail -f /log; echo 50%",
    ]


def test_the_unit_is_as_rkts_documents_have_it() -> None:
    (text,) = [text for name, text in made(DB, name="db.pod").units if name == "db.service"]
    assert text == (
        "[Unit]\n"
        "Description=Pod db\n"
        "SourcePath=/etc/rktpy/db.pod\n"
        "Wants=network-online.target\n"
        "After=network-online.target\n"
        "\n"
        "[Service]\n"
        "Type=notify\n"
        "KillMode=mixed\n"
        "Delegate=yes\n"
        "Slice=machine.slice\n"
        "Restart=on-failure\n"
        "TimeoutStartSec=15min\n"
        "ExecStart=/bin/true run --replace --pod-name=db example.com/db\n"
        "ExecStopPost=/bin/true gc --mark-only\n"
    )


def test_a_command_line_becomes_a_unit_without_a_file() -> None:
    words = ("--net=host", "example.com/db", "--", "100%", "$HOME")
    start = Start((PROGRAM,), tuple(map(literal, words)), "db", "", may_fetch=False)
    assert service_text(start, install=(("WantedBy", "multi-user.target"),)) == (
        "[Unit]\n"
        "Description=Pod db\n"
        "\n"
        "[Service]\n"
        "Type=notify\n"
        "KillMode=mixed\n"
        "Delegate=yes\n"
        "Slice=machine.slice\n"
        "Restart=on-failure\n"
        "ExecStart=/bin/true run --replace --pod-name=db"
        ' --net=host example.com/db -- 100%% "$$HOME"\n'
        "ExecStopPost=/bin/true gc --mark-only\n"
        "\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def test_what_a_file_says_of_the_service_wins() -> None:
    generated = made(WEB, ("db.pod", DB))
    assert lines(generated, "web.service", "Restart") == ["always"]
    assert lines(generated, "web.service", "MemoryMax") == ["1G"]
    assert lines(generated, "web.service", "KillMode") == ["mixed"]


def test_global_options_go_to_every_call() -> None:
    generated = made(DB + "[Pod]\nDataDir=/srv/rkt\n")
    for key in ("ExecStart", "ExecStopPost"):
        assert lines(generated, "web.service", key)[0].startswith("/bin/true --dir=/srv/rkt")


def test_streams_of_an_app_need_no_experiment() -> None:
    words = command(made(DB + "Stdin=null\nStdout=log\nStdout=null\nStderr=stream\n"))

    stage2 = "--annotation=coreos.com/rkt/stage2/"
    assert words[-3:] == [f"{stage2}stdin=null", f"{stage2}stdout=null", f"{stage2}stderr=stream"]


def test_a_stream_leads_nowhere_else() -> None:
    assert problems(DB + "Stdin=log\nStdout=/var/log/db\n[Pod]\nStderr=null\n") == [
        "/etc/rktpy/web.pod:6: Stderr=: there is no such key; it belongs into [App]",
        "/etc/rktpy/web.pod:3: Stdin=: log is none of: null, stream, tty",
        "/etc/rktpy/web.pod:4: Stdout=: /var/log/db is none of: log, null, stream, tty",
    ]


def test_an_image_that_is_there_needs_no_network() -> None:
    generated = made(DB + "[Pod]\nPull=never\n")
    assert lines(generated, "web.service", "After") == []
    assert lines(generated, "web.service", "TimeoutStartSec") == []


def test_pods_wait_for_each_other_by_their_files() -> None:
    generated = made(WEB, ("db.pod", DB))
    assert "db.service" in lines(generated, "web.service", "After")


def test_a_pod_that_is_not_there_is_told_with_its_line() -> None:
    assert problems(DB + "[Unit]\nAfter=a.service no.pod\n") == [
        "/etc/rktpy/web.pod:4: After=: there is no no.pod"
    ]


def test_pods_in_a_circle_are_told_with_the_way_round() -> None:
    found = problems(
        DB + "[Unit]\nAfter=b.pod\n",
        ("b.pod", DB + "[Unit]\nBefore=c.pod\nAfter=c.pod\n"),
        ("c.pod", DB + "[Unit]\nBefore=x.service\n"),
    )
    assert found == [
        "/etc/rktpy/b.pod:5: After=: each waits for the next: b.pod → c.pod → b.pod",
        "/etc/rktpy/b.pod:4: Before=: each waits for the next: c.pod → b.pod → c.pod",
    ]


def test_a_unit_is_held_back_until_its_app_is_healthy() -> None:
    (line,) = lines(made(WEB, ("db.pod", DB)), "web.service", "ExecStartPost")
    words = [word.replace("$$", "$") for word in split(line)]
    assert [*words[:2], words[3]] == ["/bin/sh", "-c", "health"]
    assert words[-8:] == [
        "--insecure-options=image",
        "enter",
        "--as-app",
        "--app=web",
        "web",
        "curl",
        "-fs",
        "http://localhost/?a b",
    ]


def test_a_check_that_gates_nothing_goes_on_beside() -> None:
    generated = made(DB + "HealthCmd=true\nHealthInterval=5m\nHealthRetries=2\n")
    assert lines(generated, "web.service", "ExecStartPost") == []
    assert "web-health.timer" in lines(generated, "web.service", "Wants")
    assert lines(generated, "web-health.timer", "OnUnitInactiveSec") == ["5m"]
    (line,) = lines(generated, "web-health.service", "ExecStart")
    words = split(line)
    assert words[3:11] == [
        "health", "2", "5m", "none", "web.service", "/usr/bin/timeout", "-k", "5",
    ]  # fmt: skip


def test_without_a_command_the_image_s_own_check_is_made() -> None:
    (line,) = lines(made(DB + "Notify=healthy\n"), "web.service", "ExecStartPost")
    assert split(line)[-3:] == [PROGRAM, "healthcheck", "web"]


def test_a_template_becomes_a_template() -> None:
    generated = made(
        "[Unit]\nAfter=db@%i.pod\n[App]\nImage=x\nHealthCmd=true\n"
        "[Install]\nWantedBy=multi-user.target\nDefaultInstance=1\n",
        ("db@.pod", DB),
        name="web@.pod",
    )
    assert generated.problems == ()
    assert [name for name, _ in generated.units] == [
        "web@.service",
        "web-health@.timer",
        "web-health@.service",
        "db@.service",
    ]
    assert "db@%i.service" in lines(generated, "web@.service", "After")
    assert lines(generated, "web@.service", "Wants")[-1] == "web-health@%i.timer"
    assert lines(generated, "web-health@.timer", "BindsTo") == ["web@%i.service"]
    assert "--pod-name=web-%i" in command(generated, "web@.service")
    assert generated.links == (("multi-user.target.wants/web@1.service", "../web@.service"),)


def test_install_becomes_links() -> None:
    assert made(WEB, ("db.pod", DB)).links == (
        ("multi-user.target.wants/web.service", "../web.service"),
        ("www.service", "web.service"),
    )


@pytest.mark.parametrize("name", ["../x.target", "a/b.target", "x", "%i.target", ".target"])
def test_no_link_leaves_the_directory(name: str) -> None:
    generated = made(DB + f"[Install]\nWantedBy={name}\n")
    assert generated.links == ()
    assert len(generated.problems) == 1


def test_drop_ins_add_and_take_away() -> None:
    file = PodFile(
        "web.pod",
        (
            ("/etc/rktpy/web.pod", "[App]\nImage=a\nEnvironment=A=1\nUser=1\n"),
            ("/etc/rktpy/web.pod.d/x.conf", "[App]\nEnvironment=\nEnvironment=B=2\nUser=\nUsr=3\n"),
        ),
    )
    generated = generate([file], program=PROGRAM)
    assert [str(problem) for problem in generated.problems] == [
        "/etc/rktpy/web.pod.d/x.conf:5: Usr=: there is no such key"
    ]
    good = file.replace(parts=(file.parts[0], ("/d", file.parts[1][1].replace("Usr=3\n", ""))))
    assert command(generate([good], program=PROGRAM))[4:] == ["a", "--environment=B=2"]


def test_a_file_that_is_wrong_becomes_a_unit_that_says_so() -> None:
    generated = made("[App]\nImage=a\nimage=50%\nNo=1\n[Install]\nWantedBy=x.target\n")
    text = dict(generated.units)["web.service"]
    assert 'ExecStart=/bin/echo "<3>/etc/rktpy/web.pod:4: No=: there is no such key"\n' in text
    assert text.endswith("ExecStart=/bin/false\n")
    assert generated.links == (("x.target.wants/web.service", "../web.service"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[Pod]\n", ": there is no [App] with an Image="),
        ("[App]\nUser=1\n", ":1: [App] has no Image="),
        ("[App]\nImage=--net\n", ":2: Image=: --net cannot be an image"),
        ("[App]\nimage=x\nImage=x\n", ":2: image=: there is no such key; Image= is meant"),
        ("[App]\nImage=x\nReadOnly=2\n", ":3: ReadOnly=: 2 is neither yes nor no"),
        ('[App]\nImage=x\nExec=a "b\n', ':3: Exec=: the " is not closed'),
        ("[App]\nImage=x\nArgs=a --- b\n", ":3: Args=: an argument cannot be ---"),
        ('[App]\nImage=x\nExec="" a\n', ":3: Exec=: the program has no name"),
        (
            "[App]\nImage=x\nUser=%\n",
            ":3: User=: % is not a specifier; a % that is meant as such is written %%",
        ),
        (DB + "[App b]\nImage=y\n", ":1: one of several apps needs a name: [App NAME]"),
        ("[App A]\nImage=x\n", ":1: [App A]: a name has small letters"),
        ("[App a-]\nImage=x\n", ":1: [App a-]: a name has small letters"),
        (DB + "[Pod]\nPull=always\n", ":4: Pull=: always is none of: new, never, update"),
        (DB + "[Container]\n", ":3: there is no section [Container] in a pod; [App] or"),
        (DB + "[Service]\nExecStart=/x\n", ":4: ExecStart=: the unit starts the pod that"),
        (DB + "[Service]\nType=forking\n", ":4: Type=: a pod cannot be forking;"),
        (DB + "Notify=healthy\nHealthCmd=none\n", ":3: Notify=healthy needs a check"),
        (DB + "HealthCmd=a || b\n", ":3: HealthCmd=: no shell reads this"),
        (DB + "ContainerName=x\n", ":3: ContainerName=: there is no such key; [App NAME] names"),
        (DB + "PublishPort=x:1\n", ":3: PublishPort=: there is no such key; it belongs into [Pod]"),
        (DB + "[Pod]\nPublishPort=8080:80/tcp\n", ":4: PublishPort=: write the name of the app's"),
        (DB + "HealthCmd=x\nHealthInterval=5 min\n", ":4: HealthInterval=: write a time like"),
        (DB + "HealthCmd=x\nHealthRetries=0\n", ":4: HealthRetries=: write a number"),
        (DB + "Volume=a\n", ":3: Volume=: a is not SOURCE:TARGET, with absolute paths"),
        (DB + "Volume=a:/b:ro\n", ":3: Volume=: ro belongs to the volume a in [Pod]"),
        (DB + "[Pod]\nPodManifest=/m\n", ":4: PodManifest=: the manifest names the apps"),
        (DB + "[Install]\nAlso=x.service\n", ":4: Also=: a generated unit cannot enable others"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(text: str, problem: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith("/etc/rktpy/web.pod" + problem)


@pytest.mark.parametrize("name", ["@.pod", "a b.pod", "a@1.pod", "a@@.pod", "x" * 201 + ".pod"])
def test_a_name_that_no_unit_can_have_is_told(name: str) -> None:
    generated = made(DB, name=name)
    assert generated.units == ()
    assert len(generated.problems) == 1


def test_no_unit_of_the_host_is_hidden() -> None:
    file = PodFile("ssh.pod", (("/etc/rktpy/ssh.pod", DB),))
    generated = generate([file], program=PROGRAM, taken={"ssh.service": "/usr/lib/ssh.service"})
    assert generated.units == ()
    assert "/usr/lib/ssh.service" in str(generated.problems[0])


@pytest.mark.parametrize("name", ["web-health.timer", "ssh.service"])
def test_neither_a_check_nor_an_alias_hides_a_unit(name: str) -> None:
    text = DB + "HealthCmd=true\n[Install]\nAlias=ssh.service\n"
    file = PodFile("web.pod", (("/etc/rktpy/web.pod", text),))
    generated = generate([file], program=PROGRAM, taken={name: "/usr/lib/x"})
    ((unit, stub),) = generated.units
    assert unit == "web.service"
    assert f"{name} would hide" in stub
    assert generated.links == ()


def test_a_file_and_the_check_of_another_cannot_be_one_unit() -> None:
    found = problems(DB + "HealthCmd=true\n", ("web-health.pod", DB))
    assert found == [
        "/etc/rktpy/web.pod: web-health.service belongs to /etc/rktpy/web-health.pod;"
        " change the name"
    ]


def test_two_pods_cannot_have_one_alias() -> None:
    text = DB + "[Install]\nAlias=shop.service\n"
    assert problems(text, ("wob.pod", text)) == [
        "/etc/rktpy/wob.pod: shop.service belongs to /etc/rktpy/web.pod; change the name"
    ]


def test_what_cannot_be_read_becomes_a_unit_that_says_so() -> None:
    text = DB + "[Install]\nWantedBy=x.target\n"
    problem = Problem("/etc/rktpy/web.pod.d/a.conf", 0, "Permission denied")
    file = PodFile("web.pod", (("/etc/rktpy/web.pod", text),), (problem,))
    generated = generate([file], program=PROGRAM)
    assert generated.problems == (problem,)
    assert "a.conf: Permission denied" in dict(generated.units)["web.service"]
    assert generated.links == (("x.target.wants/web.service", "../web.service"),)


@given(st.lists(st.text(), max_size=3), st.lists(st.text(max_size=5), max_size=3))
def test_any_files_become_units_of_whole_lines(texts: list[str], values: list[str]) -> None:
    files = [
        PodFile(f"p{number}.pod", ((f"/p{number}.pod", text),))
        for number, text in enumerate(
            [*texts, *(f"[App]\nImage=i\nEnvironment={value}\nUser={value}\n" for value in values)]
        )
    ]
    for _, text in generate(files, program=PROGRAM).units:
        text.encode()
        assert all(not line or line[0] == "[" or "=" in line for line in text.split("\n")[:-1])
