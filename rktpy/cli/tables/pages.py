"""What manual pages say beyond ``--help``: examples, exit statuses, neighbours.

Only ``rktpy.cli.manual`` reads it. A unit test reads every example as a command line, so none can
name an option that is not there.
"""

from __future__ import annotations

from rktpy.value import Value

_WORKED = ("0", "It worked.")
_FAILED = ("254", "It did not; standard error says why.")
_NO_FILE = ("1", "The file named by --uuid-file cannot be read.")
_ROOT_ONLY = ("254", "It did not, or the caller is not root; standard error says why.")

USUAL = (_WORKED, _FAILED)

_OF_A_POD = (
    ("0", "All apps ended with 0, or the pod was stopped and they obeyed."),
    ("N", "The status of the first app that failed. It is the number of the signal if one killed"
     " the app, and 203 if its program could not be started."),
    ("1", "The pod could not be set up; a volume that is missing on the host, for example."),
    ("254", "Nothing was started; standard error says why."),
)  # fmt: skip


class Page(Value):
    """``examples`` are command lines with what they do, ``statuses`` what they exit with, and
    ``see`` the commands whose pages to read next.
    """

    examples: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[str, str], ...] = USUAL
    see: tuple[str, ...] = ()


PAGES = {
    "cat-manifest": Page(
        (("rktpy cat-manifest 0f746094", "The manifest of the pod whose UUID begins so."),
         ("rktpy cat-manifest --pretty-print=false --uuid-file=/run/web.uuid",
          "On one line, of the pod that a service runs.")),
        USUAL, ("image cat-manifest", "status"),
    ),
    "completion": Page(
        (("rktpy completion bash > /etc/bash_completion.d/rktpy", "For every bash of this host."),),
    ),
    "config": Page((("rktpy config", "What is in effect, whatever file it comes from."),)),
    "cp": Page(
        (("rktpy cp web:/etc/nginx.conf .", "From the only app of the pod called web."),
         ("rktpy cp page.html web/server:/srv/", "Into its app server."),
         ("rktpy cp 0f746094:/var/log - > logs.tar", "As a tar stream.")),
        (_WORKED, _ROOT_ONLY), ("enter", "export"),
    ),
    "enter": Page(
        (("rktpy enter 0f746094", "A shell in the only app of a pod."),
         ("rktpy enter --app=server 0f746094 /bin/ls -l /srv", "One command in one of several.")),
        (("N", "The status of the command."), _ROOT_ONLY), ("logs", "cp"),
    ),
    "events": Page(
        (("rktpy events", "Everything, from now on, until it is interrupted."),
         ("rktpy events --since=-1h --no-stream --format=json",
          "An object for each event of the last hour, as far as pods that are there tell."),
         ("rktpy events --filter=event=ready --filter=pod=web --count=1",
          "Waits until the pod called web, which may be yet to come, is ready."),
         ("rktpy events --filter=type=app --filter=event=exited --filter=label=tier=front",
          "How apps end in pods with a label.")),
        (("0", "--count, --until or --no-stream ended it."), _FAILED,
         ("130, 143, 141", "SIGINT, SIGTERM, or SIGPIPE, as its reader is gone: it dies of them.")),
        ("list", "status", "logs"),
    ),
    "export": Page(
        (("rktpy export --app=server 0f746094 changed.aci",
          "An image of what the app left, to be run again."),),
        USUAL, ("image export", "cp"),
    ),
    "fetch": Page(
        (("rktpy fetch example.com/web:1.2", "By name: found by discovery, checked by signature."),
         ("rktpy fetch --insecure-options=image ./web.aci", "A file that nobody signed."),
         ("rktpy fetch --full --pull-policy=never example.com/web:1.2",
          "The hash of an image that is in the store.")),
        USUAL, ("trust", "image list", "run"),
    ),
    "gc": Page(
        (("rktpy gc", "Marks what has ended, deletes what ended half an hour ago."),
         ("rktpy gc --grace-period=0s", "Deletes all that has ended, now."),
         ("rktpy gc --mark-only", "In ExecStopPost= of a unit: quick, and harms nobody.")),
        (_WORKED, _ROOT_ONLY), ("rm", "image gc"),
    ),
    "generate": Page(
        (("rktpy generate --dry-run", "The units of all pods that this host declares."),
         ("rktpy generate --dry-run ./web.pod", "Those of one file, before it is installed.")),
        (("0", "All files are right."),
         ("254", "A file is wrong; standard error says where and why.")), ("run",),
    ),
    "generate unit": Page(
        (("rktpy generate unit shop >/etc/systemd/system/shop.service",
          "The pod shop as a service. Stop the pod, then: systemctl enable --now shop"),
         ("rktpy generate unit --output=/etc/systemd/system --pod-name=web --net=host"
          " example.com/web", "The same for a pod that never ran; prints the path."),
         ("rktpy generate unit --format=pod shop >/etc/rktpy/shop.pod",
          "The pod shop as a file to edit. Then: systemctl daemon-reload")),
        (("0", "The unit was printed or written."),
         ("254", "The pod has no record of its command line, or run would refuse the words.")),
        ("run",),
    ),
    "healthcheck": Page(
        (("rktpy healthcheck --app=server web", "Says nothing but what the check prints."),),
        (("0", "The app is well."), ("N", "The status of the check: it is not."),
         ("254", "The image has no check, or the pod does not run.")), ("enter", "status"),
    ),
    "help": Page((("rktpy help image list", "The same as rktpy image list --help."),)),
    "image cat-manifest": Page(
        (("rktpy image cat-manifest example.com/web", "By name; a hash would do as well."),),
        USUAL, ("image list", "cat-manifest"),
    ),
    "image export": Page(
        (("rktpy image export --overwrite example.com/web web.aci", "For another host. An image of"
          " layers becomes one archive, with a hash of its own."),),
        USUAL, ("fetch", "image extract"),
    ),
    "image extract": Page(
        (("rktpy image extract --rootfs-only example.com/web web", "Its files, below web."),),
        USUAL, ("image render", "image export"),
    ),
    "image gc": Page(
        (("rktpy image gc", "Images nobody used for a day, and layers that no image has."),
         ("rktpy image gc --grace-period=0s", "All that no pod, unit or .pod file needs.")),
        USUAL, ("gc", "image rm"),
    ),
    "image list": Page(
        (("rktpy image list --sort=size --order=desc", "The largest first."),
         ("rktpy image list --no-legend --fields=name", "For scripts.")),
        USUAL, ("fetch", "image rm"),
    ),
    "image render": Page(
        (("rktpy image render --overwrite example.com/web web",
          "Manifest and files as an app would find them."),),
        USUAL, ("image extract",),
    ),
    "image rm": Page(
        (("rktpy image rm example.com/web sha512-de26d8518fba", "By name and by hash."),),
        (("0", "All of them are gone, or were not there."), _FAILED), ("image gc", "image list"),
    ),
    "image verify": Page(
        (("rktpy image verify example.com/web", "Renders it anew if somebody changed it. Nothing"
          " starts any more on a layer that was changed; the next fetch brings it again."),),
        (_WORKED, ("254", "An image is unknown, or a layer of one is damaged; standard error names"
                   " it and says how it comes back.")),
        ("image render", "fetch"),
    ),
    "list": Page(
        (("rktpy list --full", "With whole UUIDs, image ids and times."),
         ("rktpy list --no-legend --fields=uuid,state --label=tier=front",
          "For scripts, those with a label only.")),
        USUAL, ("status", "image list"),
    ),
    "logs": Page(
        (("rktpy logs -f --app=server 0f746094", "What one app writes, as it writes it."),
         ("rktpy logs --since=-5m -n 100 0f746094", "The newest lines of the last five minutes."),
         ("rktpy logs --format=json 0f746094", "An object for each line: time, app, pid, text.")),
        USUAL, ("status", "enter"),
    ),
    "network check": Page(
        (("rktpy network check", "All pods that run, a line for each."),
         ("rktpy network check 6bfc", "The pod whose UUID begins so.")),
        (_WORKED, ("254", "Something is missing; standard error says what.")),
        ("network list", "network reload", "status"),
    ),
    "network reload": Page(
        (("rktpy network reload", "After a restart of the firewall."),),
        (_WORKED, ("254", "A pod is in no network, or the firewall cannot be set.")),
        ("network check", "gc"),
    ),
    "network list": Page(
        (("rktpy network list", "Name, types of the plugins, subnets and file of each network."),
         ("rktpy network list --format=json", "For scripts.")),
        (_WORKED, ("254", "A file cannot be read, so no pod gets a network; standard error says"
                   " why. The other networks are listed all the same.")),
        ("run", "list"),
    ),
    "prepare": Page(
        (("rktpy prepare --quiet example.com/web --name=server -- --port=80",
          "Prints the UUID for run-prepared."),
         ("rktpy prepare --pod-manifest=web.json", "What the manifest says; its images must be in"
          " the store.")),
        (_WORKED, _ROOT_ONLY), ("run-prepared", "run"),
    ),
    "rm": Page(
        (("rktpy rm 0f746094 web", "By the beginning of a UUID and by name."),
         ("rktpy rm --uuid-file=/run/web.uuid", "The pod a service ran."),
         ("rktpy rm --ignore web", "Frees the name, if an ended pod has it.")),
        (_WORKED, _ROOT_ONLY), ("gc", "stop"),
    ),
    "run": Page(
        (("rktpy run --insecure-options=image --net=host ./redis.aci",
          "One app from a file that nobody signed, on the host's network."),
         ("rktpy run --volume=data,kind=empty --mount=volume=data,target=/data"
          " example.com/web --memory=256Mi -- --port=80 --- example.com/db --user=1000",
          "Two apps that share a directory. Limit and arguments are the first app's, the user is"
          " the second one's."),
         ("rktpy run --net=none --interactive example.com/shell --exec=/bin/sh",
          "A shell on the terminal."),
         ("rktpy run --port=http:8080,from=10.0.0.0/8 --net=default:IP=172.16.28.7 example.com/web",
          "Port 8080 of the host, for a part of the world, leads to the port http of the app."),
         ("rktpy run --replace --pod-name=web example.com/web",
          "In ExecStart= of a unit: each start takes the name over from the last one.")),
        _OF_A_POD, ("prepare", "status", "stop", "gc", "network list"),
    ),
    "run-prepared": Page(
        (("rktpy run-prepared --net=host --hostname=web 0f746094", "Options of the start only."),),
        _OF_A_POD, ("prepare", "status", "stop"),
    ),
    "status": Page(
        (("rktpy status --wait-ready=30s 0f746094", "Waits until all apps have been started."),
         ("rktpy status --wait --format=json --uuid-file=/run/web.uuid",
          "Waits for the end, then tells how each app ended.")),
        (_WORKED, _NO_FILE, _FAILED), ("list", "logs"),
    ),
    "stop": Page(
        (("rktpy stop 0f746094 web", "Asks two pods to end."),
         ("rktpy stop --force --uuid-file=/run/web.uuid", "Kills one.")),
        (("0", "All were told to end, or had ended."), _NO_FILE, _FAILED), ("status", "rm"),
    ),
    "top": Page(
        (("rktpy top", "All that runs, again and again on a terminal."),
         ("rktpy top --no-stream --interval=5s web", "One pod, measured over five seconds."),
         ("rktpy top --interval=0 --format=json", "At once, without CPU %, for scripts.")),
        USUAL, ("list", "status"),
    ),
    "trust": Page(
        (("rktpy trust --prefix=example.com/web", "The keys that example.com names, after review."),
         ("rktpy trust --prefix=example.com ./example.asc", "A key from a file, after review."),
         ("rktpy trust --root --skip-fingerprint-review ./ours.asc",
          "For every image, without a question.")),
        USUAL, ("fetch",),
    ),
    "version": Page((("rktpy version", "Of rktpy, of the specification, of Python."),)),
}  # fmt: skip
