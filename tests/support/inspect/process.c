/* What the kernel lets this process be: user, capabilities, namespaces. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "inspect.h"

/* In the kernel's order (capability.h); names without "cap_", as the Go library prints them. */
static const char *const capabilities[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
	"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
	"ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
	"sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
	"lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
	"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};
enum { CAPABILITIES = sizeof(capabilities) / sizeof(capabilities[0]) };

static const struct {
	const char *label, *field;
} sets[] = {
	{"effective", "CapEff:"},
	{"permitted", "CapPrm:"},
	{"inheritable", "CapInh:"},
	{"bounding", "CapBnd:"},
};

static uint64_t read_set(const char *status, const char *field)
{
	const char *at = strstr(status, field);

	if (!at)
		fail("Cannot get caps: no %s in the status file", field);
	return strtoull(at + strlen(field), NULL, 16);
}

static void print_list(uint64_t set)
{
	const char *separator = "";

	for (int i = 0; i < CAPABILITIES; i++) {
		if (set >> i & 1) {
			printf("%s%s", separator, capabilities[i]);
			separator = ", ";
		}
	}
}

void print_capabilities(long pid, const char *suffix)
{
	char path[64], *status;
	size_t length;
	const char *asked = getenv("CAPABILITY");

	if (pid > 0)
		snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/status");
	status = slurp(path, &length);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		printf("Capability set: %s: ", sets[i].label);
		print_list(read_set(status, sets[i].field));
		printf(" (%s)\n", suffix);
	}
	if (asked && *asked) {
		int number = atoi(asked);
		uint64_t bounding = read_set(status, "CapBnd:");

		if (number < 0 || number >= CAPABILITIES)
			fail("Cannot get caps: no capability %s", asked);
		printf("%s=%s (%s)\n", capabilities[number],
		       bounding >> number & 1 ? "enabled" : "disabled", suffix);
	}
	free(status);
}

void print_no_new_privs(void)
{
	int value = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

	printf("no_new_privs: %d err: errno %d\n", value, value < 0 ? errno : 0);
}

void print_user(void)
{
	printf("User: uid=%u euid=%u gid=%u egid=%u\n", getuid(), geteuid(), getgid(), getegid());
}

static int compare(const void *a, const void *b)
{
	gid_t left = *(const gid_t *)a, right = *(const gid_t *)b;

	return (left > right) - (left < right);
}

/* The main group counts as one of the groups, as Go's os.Getgroups shows it under systemd. */
void print_groups(void)
{
	gid_t groups[1024];
	int count = getgroups(1023, groups);

	if (count < 0)
		fail("Error getting groups: %s", error_text(errno));
	groups[count++] = getgid();
	qsort(groups, (size_t)count, sizeof(gid_t), compare);
	printf("Groups:");
	for (int i = 0; i < count; i++) {
		if (i == 0 || groups[i] != groups[i - 1])
			printf(" %u", groups[i]);
	}
	printf("\n");
}

static void read_namespace(const char *pid, const char *name, char target[64])
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
	length = readlink(path, target, 63);
	if (length < 0)
		fail("Cannot get namespace: readlink %s: %s", path, error_text(errno));
	target[length] = '\0';
}

void print_namespace(const char *label, const char *name)
{
	char target[64];

	read_namespace("self", name, target);
	printf("%s: %s\n", label, target);
}

void check_mount_namespace(void)
{
	char own[64], first[64];

	read_namespace("self", "mnt", own);
	read_namespace("1", "mnt", first);
	if (strcmp(own, first) == 0)
		fail("check-mountns: IDENTICAL");
	printf("check-mountns: DIFFERENT\n");
}

void check_path_variable(void)
{
	const char *path = getenv("PATH");

	if (!path)
		fail("PATH not found");
	if (strchr(path, '\n'))
		fail("Malformed PATH: found new line");
	printf("PATH is good\n");
}
