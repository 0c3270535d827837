"""Every path rktpy keeps on disk, named once. Pure: nothing here touches the disk.

<data dir>, default /var/lib/rkt
├── cas/
│   ├── blob/sha512/<2 hex>/sha512-<64 hex>             uncompressed ACI
│   ├── imageManifest/sha512/<2 hex>/sha512-<64 hex>    its manifest
│   ├── db/index.sqlite                                  names, labels, times, remotes, trees
│   ├── db/images.json                                   the same for readers in a hurry
│   ├── verified/<key>                                   root verified it: ``rktpy.store.index``
│   ├── layer/<algorithm>-<hex>/{rootfs/,hash,ends,size,rendered}   ``rktpy.store.layers``
│   ├── tree/<tree id>/{rootfs/,manifest,hash,image,rendered}, and ``layers`` of a stack
│   ├── download/<hash of a URL>-<uid>/                  see ``rktpy.image.partial``
│   ├── tmp/  imagelocks/<key>  treestorelocks/<tree id>
├── locks/prepareLock  locks/private-users/<first id>   (``rktpy.pod.idrange``)
├── names/<name>                                         link to a UUID (``rktpy.pod.naming``)
├── pods/{embryo,prepare,prepared,run,exited-garbage,garbage}/<uuid>/
└── tmp/
"""

from __future__ import annotations

DEFAULT_DATA_DIR = "/var/lib/rkt"
RUNTIME_DIR = "/run/rktpy"


class Layout:
    """Paths below one data directory (rkt: ``--dir``)."""

    __slots__ = ("data",)

    def __init__(self, data: str) -> None:
        self.data = data.rstrip("/") or "/"

    @property
    def cas(self) -> str:
        return f"{self.data}/cas"

    @property
    def blobs(self) -> str:
        return f"{self.data}/cas/blob"

    @property
    def image_manifests(self) -> str:
        return f"{self.data}/cas/imageManifest"

    @property
    def index(self) -> str:
        return f"{self.data}/cas/db/index.sqlite"

    @property
    def index_snapshot(self) -> str:
        """The index as JSON: what ``run`` reads, as opening SQLite costs 8 ms."""
        return f"{self.data}/cas/db/images.json"

    @property
    def verified(self) -> str:
        return f"{self.data}/cas/verified"

    @property
    def cas_tmp(self) -> str:
        return f"{self.data}/cas/tmp"

    @property
    def downloads(self) -> str:
        return f"{self.data}/cas/download"

    @property
    def image_locks(self) -> str:
        return f"{self.data}/cas/imagelocks"

    @property
    def trees(self) -> str:
        return f"{self.data}/cas/tree"

    @property
    def layers(self) -> str:
        return f"{self.data}/cas/layer"

    @property
    def tree_locks(self) -> str:
        return f"{self.data}/cas/treestorelocks"

    @property
    def locks(self) -> str:
        return f"{self.data}/locks"

    @property
    def prepare_lock(self) -> str:
        return f"{self.data}/locks/prepareLock"

    @property
    def names(self) -> str:
        return f"{self.data}/names"

    @property
    def id_ranges(self) -> str:
        return f"{self.data}/locks/private-users"

    @property
    def pods(self) -> str:
        return f"{self.data}/pods"

    @property
    def tmp(self) -> str:
        return f"{self.data}/tmp"  # noqa: S108 - ours, below the data directory

    def phase_dir(self, phase: str) -> str:
        """Directory of all pods in ``phase`` (see ``rktpy.pod.phase``)."""
        return f"{self.data}/pods/{phase}"

    def pod(self, phase: str, uuid: str) -> PodTree:
        """Paths of one pod while it is in ``phase``."""
        return PodTree(f"{self.data}/pods/{phase}/{uuid}")

    def blob(self, key: str) -> str:
        """Path of the uncompressed image ``key`` (``sha512-<64 hex>``)."""
        return f"{self.data}/cas/blob/sha512/{key[7:9]}/{key}"

    def image_lock(self, key: str) -> str:
        return f"{self.data}/cas/imagelocks/{key}"

    def tree_lock(self, tree_id: str) -> str:
        return f"{self.data}/cas/treestorelocks/{tree_id}"

    def image_manifest(self, key: str) -> str:
        return f"{self.data}/cas/imageManifest/sha512/{key[7:9]}/{key}"

    def tree(self, tree_id: str) -> str:
        """Directory of a rendered tree; ``rootfs`` is below it."""
        return f"{self.data}/cas/tree/{tree_id}"

    def layer(self, name: str) -> str:
        """Directory of one layer; ``rootfs`` is below it."""
        return f"{self.data}/cas/layer/{name}"


class PodTree:
    """Paths inside one pod directory. A rename of the pod makes it stale: ask ``Layout`` anew."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        self.root = root

    @property
    def manifest(self) -> str:
        return f"{self.root}/pod"

    @property
    def created(self) -> str:
        return f"{self.root}/pod-created"

    @property
    def name(self) -> str:
        """The pod's name as text, if it has one (``rktpy.pod.naming``)."""
        return f"{self.root}/name"

    @property
    def command(self) -> str:
        """The command line that made the pod (``rktpy.pod.command``)."""
        return f"{self.root}/command"

    @property
    def manifest_lock(self) -> str:
        return f"{self.root}/pod.lck"

    @property
    def stage1_manifest(self) -> str:
        return f"{self.root}/stage1/manifest"

    @property
    def stage1_rootfs(self) -> str:
        return f"{self.root}/stage1/rootfs"

    @property
    def stage1_tree_id(self) -> str:
        return f"{self.root}/stage1TreeStoreID"

    @property
    def apps_info(self) -> str:
        return f"{self.root}/appsinfo"

    def app_manifest(self, app: str) -> str:
        return f"{self.root}/appsinfo/{app}/manifest"

    def app_tree_id(self, app: str) -> str:
        return f"{self.root}/appsinfo/{app}/treeStoreID"

    def app_dir(self, app: str) -> str:
        """``/opt/stage2/<app>`` of the pod as seen from outside."""
        return f"{self.root}/stage1/rootfs/opt/stage2/{app}"

    def app_rootfs(self, app: str) -> str:
        return f"{self.root}/stage1/rootfs/opt/stage2/{app}/rootfs"

    @property
    def overlay_marker(self) -> str:
        return f"{self.root}/overlay-prepared"

    @property
    def private_users_marker(self) -> str:
        return f"{self.root}/private-users-prepared"

    def overlay_upper(self, tree_id: str, app: str = "") -> str:
        return f"{self.root}/overlay/{tree_id}/upper/{app}".rstrip("/")

    def overlay_work(self, tree_id: str, app: str = "") -> str:
        return f"{self.root}/overlay/{tree_id}/work/{app}".rstrip("/")

    @property
    def pid(self) -> str:
        return f"{self.root}/pid"

    @property
    def ppid(self) -> str:
        return f"{self.root}/ppid"

    @property
    def terminal(self) -> str:
        """How the user's terminal was before the pod (``rktpy.host.terminal``)."""
        return f"{self.root}/terminal"

    @property
    def subcgroup(self) -> str:
        return f"{self.root}/subcgroup"

    @property
    def cgroups(self) -> str:
        """Places of the pod's cgroups where no systemd made them (``rktpy.cgroup``)."""
        return f"{self.root}/cgroups"

    @property
    def isolators(self) -> str:
        """What became of the pod's isolators when it was started (``nspawn.limits``)."""
        return f"{self.root}/isolators"

    @property
    def flavor(self) -> str:
        return f"{self.root}/flavor"

    @property
    def netns(self) -> str:
        return f"{self.root}/netns"

    @property
    def net_info(self) -> str:
        return f"{self.root}/net-info.json"

    @property
    def runtime_config(self) -> str:
        return f"{self.root}/runtime-config"

    @property
    def devices(self) -> str:
        """Nodes of devices for a pod in a user namespace; empty outside of the pod's mounts."""
        return f"{self.root}/devices"

    @property
    def shared_volumes(self) -> str:
        return f"{self.root}/sharedVolumes"

    def shared_volume(self, name: str) -> str:
        return f"{self.root}/sharedVolumes/{name}"
