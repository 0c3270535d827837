"""System call lists as data: rkt's named sets, and what two decades of C libraries added since.

The 2016 list kills ``ls`` of today (``statx``), so the sets keep their names and grow by
``MODERN`` (rkt: stage1/init/common/seccomp_wildcards.go; docs/compatibility.md).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

# rkt's and docker's default allow list of 2016, as both shipped it.
_ALLOWED_2016 = """
    accept accept4 access alarm bind brk capget capset chdir chmod chown chown32 clock_getres
    clock_gettime clock_nanosleep close connect copy_file_range creat dup dup2 dup3 epoll_create
    epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_wait epoll_wait_old eventfd eventfd2
    execve execveat exit exit_group faccessat fadvise64 fadvise64_64 fallocate fanotify_mark
    fchdir fchmod fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr
    flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate
    ftruncate64 futex futimesat getcpu getcwd getdents getdents64 getegid getegid32 geteuid
    geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid
    getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit
    get_robust_list getrusage getsid getsockname getsockopt get_thread_area gettid gettimeofday
    getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
    io_cancel ioctl io_destroy io_getevents ioprio_get ioprio_set io_setup io_submit ipc kill
    lchown lchown32 lgetxattr link linkat listen listxattr llistxattr _llseek lremovexattr lseek
    lsetxattr lstat lstat64 madvise memfd_create mincore mkdir mkdirat mknod mknodat mlock
    mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
    mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap
    nanosleep newfstatat _newselect open openat pause personality pipe pipe2 poll ppoll prctl
    pread64 preadv prlimit64 pselect6 pwrite64 pwritev read readahead readlink readlinkat readv
    recv recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2
    restart_syscall rmdir rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_getaffinity sched_getattr
    sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler
    sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield seccomp select semctl semget semop semtimedop send sendfile sendfile64 sendmmsg
    sendmsg sendto setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
    setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
    setresuid32 setreuid setreuid32 setrlimit set_robust_list setsid setsockopt set_thread_area
    set_tid_address setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack
    signalfd signalfd4 sigreturn socket socketcall socketpair splice stat stat64 statfs statfs64
    symlink symlinkat sync sync_file_range syncfs sysinfo syslog tee tgkill time timer_create
    timer_delete timerfd_create timerfd_gettime timerfd_settime timer_getoverrun timer_gettime
    timer_settime times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime
    utimensat utimes vfork vmsplice wait4 waitid waitpid write writev arch_prctl modify_ldt
    chroot clone
"""

# Since then: what glibc and musl call in ordinary programs. io_uring stays out, as elsewhere.
_MODERN = """
    statx clone3 close_range faccessat2 fchmodat2 openat2 pidfd_open pidfd_send_signal rseq
    membarrier futex_waitv epoll_pwait2 preadv2 pwritev2 pkey_alloc pkey_free pkey_mprotect
    landlock_create_ruleset landlock_add_rule landlock_restrict_self cachestat map_shadow_stack
    mseal process_mrelease memfd_secret io_pgetevents futex_wait futex_wake futex_requeue
"""

# The names under which 32-bit programs reach 64-bit time.
_TIME64 = """
    clock_getres_time64 clock_gettime64 clock_nanosleep_time64 futex_time64 io_pgetevents_time64
    mq_timedreceive_time64 mq_timedsend_time64 ppoll_time64 pselect6_time64 recvmmsg_time64
    rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64 timer_gettime64
    timer_settime64 timerfd_gettime64 timerfd_settime64 utimensat_time64
"""

_ARM = """
    arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2
"""

_DENIED = """
    acct add_key adjtimex bpf clock_adjtime clock_settime create_module delete_module
    finit_module get_kernel_syms get_mempolicy init_module ioperm iopl kcmp kexec_file_load
    kexec_load keyctl lookup_dcookie mbind mount move_pages name_to_handle_at nfsservctl
    open_by_handle_at perf_event_open pivot_root process_vm_readv process_vm_writev ptrace
    query_module quotactl reboot request_key set_mempolicy setns settimeofday stime swapon
    swapoff sysfs _sysctl umount umount2 unshare uselib userfaultfd ustat vm86 vm86old
"""

# What a pod may do beyond its apps: its systemd mounts, enters namespaces and shuts down, and an
# app may be allowed to. systemd-nspawn opens the same (systemd: src/nspawn/nspawn-seccomp.c, 252).
_POD = """
    fsconfig fsmount fsopen fspick get_mempolicy io_uring_enter io_uring_register io_uring_setup
    kcmp mbind migrate_pages mount mount_setattr move_mount move_pages name_to_handle_at nice
    oldfstat oldlstat oldolduname oldstat olduname open_tree pivot_root process_madvise
    process_vm_readv process_vm_writev ptrace readdir reboot riscv_flush_icache riscv_hwprobe
    set_mempolicy set_mempolicy_home_node setdomainname sethostname setns sigaction signal
    sigpending sigprocmask sigsuspend swapcontext umount umount2 unshare uretprobe userfaultfd
    vhangup
"""
# Calls younger than rkt's list that stay closed to apps: programs probe for them and must see
# ENOSYS, as on an old kernel, instead of being killed.
PROBED = (
    "io_uring_setup", "io_uring_enter", "io_uring_register", "fsopen", "fsconfig", "fsmount",
    "fspick", "move_mount", "open_tree", "mount_setattr", "pidfd_getfd", "process_madvise",
    "quotactl_fd", "clone3", "close_range", "faccessat2", "openat2", "statx", "rseq",
)  # fmt: skip
# Not namespaced, or emulation nobody needs: closed for pods although apps' list has them.
_POD_CLOSED = frozenset(("fanotify_mark", "modify_ldt", "syslog"))
_POD_BY_CAPABILITY = {
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_RAWIO": """
        ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write s390_pci_mmio_read
        s390_pci_mmio_write
    """,
    "CAP_SYS_TIME": """
        adjtimex clock_adjtime clock_adjtime64 clock_settime clock_settime64 settimeofday
    """,
    "CAP_SYSLOG": "syslog",
}


def pod_allowed(machine: str, capabilities: Collection[str] | None) -> tuple[str, ...]:
    """Return what a pod as a whole may call, when its apps have ``capabilities`` (None: all)."""
    names = [name for name in default_allowed(machine) if name not in _POD_CLOSED]
    names += _POD.split()
    for capability, calls in _POD_BY_CAPABILITY.items():
        if capabilities is None or capability in capabilities:
            names += calls.split()
    return tuple(names)


def app_closed(machine: str) -> tuple[str, ...]:
    """Return the rest of the world: what some pod may call and an app by default may not.

    Inside a pod that is held to ``pod_allowed`` this deny list and ``default_allowed`` come to the
    same, and the list is a sixth as long.
    """
    names = (_POD + " ".join(_POD_BY_CAPABILITY.values()) + _DENIED).split()
    allowed = set(default_allowed(machine))
    return tuple(name for name in dict.fromkeys(names) if name not in allowed)


def default_allowed(machine: str) -> tuple[str, ...]:
    """Return the default allow list for a host of ``machine`` (as uname names it)."""
    arm = _ARM if machine.startswith(("arm", "aarch64")) else ""
    return tuple((_ALLOWED_2016 + _MODERN + _TIME64 + arm).split())


def default_denied() -> tuple[str, ...]:
    """Return the default deny list."""
    return tuple(_DENIED.split())
