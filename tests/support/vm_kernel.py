"""Debian's cloud kernel for the guest: downloaded by apt and unpacked, never installed.

kernel-<key>/
├── vmlinuz
├── initrd               busybox and the modules that the root disk needs
└── tree/usr/lib/modules
"""

from __future__ import annotations

import os
import shutil

from tests.support import host_image
from tests.support.cache import built, key_of
from tests.support.command import in_private_mounts, run

KERNEL_META = "linux-image-cloud-amd64"
KERNEL_RECIPE = 1
# What the initramfs has to load before the root disk is there; the rest is on that disk.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "virtio_console", "virtio_rng")

BOOT_INIT = """\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do /bin/busybox insmod "/modules/$module"; done < /modules/order
/bin/busybox mount -t ext4 -o rw,relatime /dev/vda /root || exec /bin/busybox poweroff -f
/bin/busybox mount -t devtmpfs devtmpfs /root/dev
/bin/busybox umount /proc
/bin/busybox umount /sys
exec /bin/busybox switch_root /root /lib/systemd/systemd
"""

PACK = """\
cd "$1"
find . | busybox cpio -o -H newc 2> /dev/null | gzip -1 > "$2"
"""


class KernelError(Exception):
    """There is no kernel for the guest."""


def kernel_files() -> str:
    """Return a directory with ``vmlinuz``, ``initrd`` and ``tree/usr/lib/modules`` of Debian's
    cloud kernel, downloaded by apt and unpacked, never installed.
    """
    depends = run(["apt-cache", "depends", "--important", KERNEL_META]).split()
    package = next((word for word in depends if word.startswith("linux-image-")
                    and word != KERNEL_META), "")  # fmt: skip
    if not package:
        raise KernelError(f"apt knows no {KERNEL_META}; try: apt-get update")
    key = key_of([KERNEL_RECIPE, package, BOOT_MODULES, BOOT_INIT])
    return built("kernel", key, lambda path: _unpack_kernel(path, package))


def _unpack_kernel(path: str, package: str) -> None:
    run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], cwd=path)
    (archive,) = (name for name in os.listdir(path) if name.endswith(".deb"))
    run(["dpkg-deb", "-x", archive, "unpacked"], cwd=path)
    (image,) = (n for n in os.listdir(f"{path}/unpacked/boot") if n.startswith("vmlinuz-"))
    version = image.removeprefix("vmlinuz-")
    os.rename(f"{path}/unpacked/boot/{image}", f"{path}/vmlinuz")
    os.makedirs(f"{path}/tree/usr/lib")
    os.rename(f"{path}/unpacked/lib/modules", f"{path}/tree/usr/lib/modules")
    # depmod is kmod's; the host image has it, this machine need not.
    script = 'mkdir -p "$1/mnt"; mount --bind "$2" "$1/mnt"; chroot "$1" depmod -b /mnt/usr "$3"'
    in_private_mounts(script, host_image.base_tree(), f"{path}/tree", version)
    _make_initrd(path, f"{path}/tree/usr/lib/modules/{version}")
    shutil.rmtree(f"{path}/unpacked")
    os.unlink(f"{path}/{archive}")


def _make_initrd(path: str, modules: str) -> None:
    root = f"{path}/initrd.d"
    os.makedirs(f"{root}/modules")
    os.mkdir(f"{root}/bin")
    shutil.copy(f"{host_image.base_tree()}/bin/busybox", f"{root}/bin/busybox")
    order = _load_order(modules)
    for name in order:
        shutil.copy(f"{modules}/{name}", f"{root}/modules/{os.path.basename(name)}")
    with open(f"{root}/modules/order", "w", encoding="ascii") as file:
        file.write("".join(f"{os.path.basename(name)}\n" for name in order))
    with open(f"{root}/init", "w", encoding="ascii") as file:
        file.write(BOOT_INIT)
    os.chmod(f"{root}/init", 0o755)
    run(["sh", "-euc", PACK, "sh", root, f"{path}/initrd"])
    shutil.rmtree(root)


def _load_order(modules: str) -> list[str]:
    """Return the files of ``BOOT_MODULES`` and of what they need, needs first; none if built in."""
    needs: dict[str, list[str]] = {}
    with open(f"{modules}/modules.dep", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            needs[name] = rest.split()
    wanted = {f"{name}.ko" for name in BOOT_MODULES}
    wanted |= {name.replace("_", "-") for name in wanted}
    order: list[str] = []
    for name in sorted(needs):
        if os.path.basename(name) in wanted:
            # modules.dep lists the nearest need first
            order += [need for need in [*reversed(needs[name]), name] if need not in order]
    return order
