"""Which stage1 image a pod gets: what the command line says, else what the configuration says,
else the one that rktpy makes of this host's systemd.

rktpy runs its own stage1 images in process. Any other is found, fetched and then refused.
"""

from __future__ import annotations

import os
import sys

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.log import Logger
from rktpy.nspawn import stage1 as builtin
from rktpy.verbs.image.fetching import means_of
from rktpy.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.names import ImageName
    from rktpy.config import Stage1
    from rktpy.store.images import ImageStore
    from rktpy.verbs.site import Site
    from rktpy.verbs.start.requests import Stage1Choice

IMAGES_DIR = "/usr/lib/rkt/stage1-images"  # filled by packages: images there need no signature

_logger = Logger("image")


class ForeignStage1Error(RktError):
    """A stage1 image that is not made by rktpy was asked for."""


class DefaultStage1Error(RktError):
    """The stage1 image that is taken if nobody says otherwise cannot be had."""


def find_stage1(site: Site, store: ImageStore, choice: Stage1Choice | None) -> str:
    """Return the key of the stage1 image of a new pod (rkt-cli 4.22).

    Raises:
        ForeignStage1Error: it brings entry points of its own.
        DefaultStage1Error, FetchError: it is not to be had.
    """
    if choice is not None:
        key, name = _chosen(site, store, choice), choice.text
        hint = f"leave --stage1-{choice.kind} out"
    else:
        default = site.default_stage1()
        if default is None:
            return builtin_stage1(store)
        key, name = _configured(site, store, default), _shown(default)
        hint = "take it out of the configuration (stage1.d)"
    if store.manifest(key).annotation(builtin.BUILTIN_ANNOTATION) is None:
        raise ForeignStage1Error(
            f"stage1 image {quote(name)} brings entry points of its own, which are not"
            " supported yet",
            hint=hint,
        )
    return key


def builtin_stage1(store: ImageStore) -> str:
    """Return the key of the built-in stage1 image, assembling it if this host has no current one.

    Several at once assemble the same bytes; the store keeps them once.

    Raises:
        DefaultStage1Error: the disk is full.
        StoreError: the store cannot be written.
    """
    files = builtin.files_dir()
    mark = builtin.fingerprint(files)
    key = store.find(builtin.NAME, {builtin.FINGERPRINT_LABEL: mark}, unsigned=True)
    if key is not None:
        return key
    import tempfile  # cold: once per host and systemd

    try:
        with tempfile.TemporaryFile(dir=store.scratch()) as aci:
            builtin.write_aci(files, mark, aci)
            aci.seek(0)
            return store.add_aci(aci.fileno())
    except OSError as error:
        raise DefaultStage1Error("cannot assemble the built-in stage1 image") from error


def _chosen(site: Site, store: ImageStore, choice: Stage1Choice) -> str:
    if choice.kind == "from-dir":
        return _from_file(site, store, f"{site.stage1_images or IMAGES_DIR}/{choice.text}")
    if choice.kind == "path":
        return _from_file(site, store, choice.text)
    return _looked_up(site, store, choice.text, policy="new")


def _configured(site: Site, store: ImageStore, default: Stage1) -> str:
    """Return the key of the default: from the store, else from its location.

    A version that ends in ``-dirty`` was built by hand, perhaps again since it was stored.
    """
    if default.name and not default.version.endswith("-dirty"):
        from rktpy.image.errors import FetchError

        try:
            return _looked_up(site, store, f"{default.name}:{default.version}", policy="never")
        except FetchError:
            pass  # not in the store
    if not default.location:
        raise DefaultStage1Error(
            "neither the location of the default stage1 image nor its filename are set,"
            " use --stage1-{path,url,name,hash,from-dir} flag"
        )
    try:
        if default.location.startswith("/"):
            return _from_file(site, store, default.location)
        return _looked_up(site, store, default.location, policy="new")
    except RktError as error:
        if not default.location.startswith("/"):
            raise DefaultStage1Error("failed to fetch stage1 image") from error
        return _beside_program(site, store, default.location, error)


def _beside_program(site: Site, store: ImageStore, location: str, failure: RktError) -> str:
    """Return the key of the image beside the program called, where a built rkt had it."""
    directory = os.path.dirname(os.path.realpath(sys.argv[0]))
    try:
        path = f"{directory}/{os.path.basename(location)}"
        return _from_file(site, store, path, trusted=True)
    except RktError:
        raise DefaultStage1Error(
            "failed to fetch stage1 image and failed to fall back to stage1 image in the rkt"
            " directory"
        ) from failure


def _from_file(site: Site, store: ImageStore, path: str, *, trusted: bool = False) -> str:
    from rktpy.image.fetch import fetch
    from rktpy.image.reference import parse_reference

    path = os.path.abspath(path)
    trusted = trusted or os.path.realpath(path).startswith(f"{IMAGES_DIR}/")
    means = means_of(site, "new")
    if trusted:
        means = means.replace(insecure=site.insecure.replace(image=True))
    return fetch(store, parse_reference(path), means)


def _looked_up(site: Site, store: ImageStore, text: str, *, policy: str) -> str:
    """Return the key of the image ``text`` names; rktpy's own is assembled rather than missed."""
    from rktpy.image.fetch import fetch
    from rktpy.image.reference import Kind, parse_reference

    ref = parse_reference(text)
    if ref.kind == Kind.FILE:
        return _from_file(site, store, ref.path)
    if ref.name is not None and _is_own(ref.name):
        key = builtin_stage1(store)
        _logger.debug("using image from local store for image name %s", text)
        return key
    return fetch(store, ref, means_of(site, policy))


def _is_own(name: ImageName) -> bool:
    labels = [(label.name, label.value) for label in name.labels]
    return name.name == builtin.NAME and labels in ([], [("version", VERSION)])


def _shown(default: Stage1) -> str:
    return f"{default.name}:{default.version}" if default.name else default.location
