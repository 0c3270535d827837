"""The commands inside the groups ``generate``, ``image``, …; a call of one reads them."""

from __future__ import annotations

from rktpy.cli.spec import IMAGES, IMAGES_ONLY, STOP, Command

IMAGE = (
    Command(
        "image cat-manifest",
        "image:cat_manifest",
        "print the manifest of an image",
        usage="cat-manifest IMAGE",
        options="images:CAT_MANIFEST",
        arity=(1, 1),
        complete="image",
    ),
    Command(
        "image export",
        "image:export",
        "write a stored image to an ACI file",
        usage="export IMAGE OUTPUT_ACI_FILE",
        options="images:EXPORT",
        arity=(2, 2),
        complete="image",
    ),
    Command(
        "image extract",
        "image:extract",
        "unpack a stored image into a directory",
        usage="extract IMAGE OUTPUT_DIR",
        long="Only the image itself is unpacked, not what it depends on.",
        options="images:EXTRACT",
        arity=(2, 2),
        complete="image",
    ),
    Command(
        "image fetch",
        "fetch:fetch",
        "fetch images into the local store",
        usage="fetch IMAGE_URL...",
        options="images:FETCH",
        grammar=IMAGES_ONLY,
        hidden=True,
        complete="image",
    ),
    Command(
        "image gc",
        "image:gc",
        "collect images, trees and layers that nothing uses",
        usage="gc",
        long="Images that a unit, or a .pod file, of this host names stay, by ID or by name, also"
        " when no pod of it runs.",
        options="images:GC",
    ),
    Command(
        "image list",
        "image_list:list_",
        "list the images in the local store",
        usage="list",
        options="images:LIST",
    ),
    Command(
        "image render",
        "image:render",
        "unpack a stored image and its dependencies into a directory",
        usage="render IMAGE OUTPUT_DIR",
        options="images:EXTRACT",
        arity=(2, 2),
        complete="image",
    ),
    Command(
        "image rm",
        "image:rm",
        "remove images from the local store",
        usage="rm IMAGE...",
        complete="image",
    ),
    Command(
        "image verify",
        "image:verify",
        "compare stored images with what was fetched, and repair them",
        usage="verify IMAGE...",
        complete="image",
    ),
)

GENERATE = (
    Command(
        "generate unit",
        "generate_unit:generate_unit",
        "print a unit for a pod that exists, or for images",
        usage="unit [--format=pod] [--unit-name=NAME] POD | [options of run] IMAGE [-- args]...",
        long="For a POD, the unit starts a new pod with the options that POD was run with and the"
        " same images, by ID, as long as they are in the store. For an IMAGE, every option of run"
        " is accepted. Arguments reach the pod as typed: the unit escapes % and $. --format=pod"
        " prints a file for /etc/rktpy instead, from which systemd gets the same unit.",
        options="services:GENERATE_UNIT",
        grammar=IMAGES,
        extra=True,
        complete="pod",
    ),
)

NETWORK = (
    Command(
        "network check",
        "network:check",
        "check the networks of running pods",
        usage="check [UUID...]",
        long="Asks the plugins and the firewall whether everything is still as it was set up."
        " Without a UUID, all running pods are checked but those that are still joining theirs.",
        extra=True,
        root=True,
        complete="pod",
    ),
    Command(
        "network list",
        "network:list_",
        "list the networks that pods can join",
        usage="list",
        long="Only configuration is read: the net.d directories and the built-in networks. They"
        " are listed in the order in which a pod joins them.",
        options="networks:LIST",
        arity=(0, 0),
        extra=True,
    ),
    Command(
        "network reload",
        "network:reload",
        "bring back firewall rules of running pods",
        usage="reload [UUID...]",
        long="For use after the host's rules were flushed or a firewall service was restarted."
        " Without a UUID, all running pods are restored, as gc does.",
        extra=True,
        root=True,
        complete="pod",
    ),
)

APP = (
    Command(
        "app add",
        "app:add",
        "add an app to a pod",
        usage="add UUID IMAGE",
        options="running:APP_ADD",
        grammar=STOP,
        ready=False,
        complete="pod",
    ),
    Command(
        "app exec",
        "app:exec_",
        "run a command in an app",
        usage="exec [--app=APPNAME] UUID [CMD [ARGS ...]]",
        options="running:APP",
        grammar=STOP,
        root=True,
        ready=False,
        complete="pod",
    ),
    Command(
        "app list",
        "app:list_",
        "list the apps of a pod",
        usage="list UUID",
        options="running:APP_LIST",
        ready=False,
        complete="pod",
    ),
    Command(
        "app rm",
        "app:rm",
        "remove an app from a pod",
        usage="rm UUID --app=APPNAME",
        options="running:APP",
        ready=False,
        complete="pod",
    ),
    Command(
        "app sandbox",
        "app:sandbox",
        "start a pod without apps",
        usage="sandbox",
        options="running:SANDBOX",
        ready=False,
    ),
    Command(
        "app start",
        "app:start",
        "start an app of a pod",
        usage="start UUID --app=APPNAME",
        options="running:APP",
        ready=False,
        complete="pod",
    ),
    Command(
        "app status",
        "app:status",
        "show the state of an app",
        usage="status UUID --app=APPNAME",
        options="running:APP_STATUS",
        ready=False,
        complete="pod",
    ),
    Command(
        "app stop",
        "app:stop",
        "stop an app of a pod",
        usage="stop UUID --app=APPNAME",
        options="running:APP",
        ready=False,
        complete="pod",
    ),
)
