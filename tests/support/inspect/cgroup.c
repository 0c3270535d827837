/* Limits in the process's own cgroup, on v1 and v2. */
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "inspect.h"

enum { PATH_SIZE = 8192 };

/* Puts the cgroup of this process for a v1 controller into path, or returns 0 if there is none.
 * An empty controller asks for v2. */
static int own_group(const char *controller, char path[PATH_SIZE])
{
	size_t length;
	char *text = slurp("/proc/self/cgroup", &length), *save, *line;
	int found = 0;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *where, *name, *inner;

		if (!names || !(where = strchr(++names, ':')))
			continue;
		*where++ = '\0';
		if (!*controller && !*names)
			found = 1;
		for (name = strtok_r(names, ",", &inner); name; name = strtok_r(NULL, ",", &inner))
			found |= *controller && strcmp(name, controller) == 0;
		if (found) {
			snprintf(path, PATH_SIZE, "%s", where);
			break;
		}
	}
	free(text);
	return found;
}

/* The content of a file of the own cgroup: v1's name, else v2's; to be freed. */
static char *own_file(const char *controller, const char *v1, const char *v2)
{
	char group[PATH_SIZE], path[2 * PATH_SIZE];
	size_t length;

	if (own_group(controller, group)) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s/%s", controller, group, v1);
		if (access(path, R_OK) == 0)
			return slurp(path, &length);
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s", controller, v1);
		return slurp(path, &length);
	}
	if (!own_group("", group))
		fail("Cannot find the cgroup of this process");
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group, v2);
	if (access(path, R_OK) < 0)
		snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", v2);
	return slurp(path, &length);
}

void print_memory_limit(void)
{
	char *text = own_file("memory", "memory.limit_in_bytes", "memory.max");

	text[strcspn(text, "\n")] = '\0';
	printf("Memory Limit: %s\n", text);
	free(text);
}

/* In thousandths of a CPU. */
void print_cpu_quota(void)
{
	char *text = own_file("cpu", "cpu.cfs_quota_us", "cpu.max");
	long long quota = atoll(text), period;
	char *second = strchr(text, ' ');

	if (second) {
		period = atoll(second);
	} else {
		char *other = own_file("cpu", "cpu.cfs_period_us", "cpu.max");

		period = atoll(other);
		free(other);
	}
	if (period <= 0)
		fail("Cannot read the CPU period");
	printf("CPU Quota: %lld\n", strncmp(text, "max", 3) ? quota * 1000 / period : -1);
	free(text);
}

void print_cpu_shares(void)
{
	char *text = own_file("cpu", "cpu.shares", "cpu.weight");

	text[strcspn(text, "\n")] = '\0';
	printf("CPU Shares: %s\n", text);
	free(text);
}

/* Every cgroup that the app can see is read-only, and there is one; under a cover none is seen. */
void check_cgroups(void)
{
	size_t length;
	char *text = slurp("/proc/self/mounts", &length), *save, *line;
	int seen = 0;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char where[PATH_SIZE], type[64];
		struct statfs info;

		if (sscanf(line, "%*s %8191s %63s", where, type) != 2)
			continue;
		if (strcmp(type, "cgroup") != 0 && strcmp(type, "cgroup2") != 0)
			continue;
		if (statfs(where, &info) < 0) {
			if (errno == ENOENT)
				continue;
			fail("check-cgroups: FAILED: %s: %s", where, error_text(errno));
		}
		if (info.f_type != CGROUP_SUPER_MAGIC && info.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		seen++;
		if (access(where, W_OK) == 0)
			fail("check-cgroups: FAILED: %s is writable", where);
	}
	free(text);
	if (!seen)
		fail("check-cgroups: FAILED: there is none");
	printf("check-cgroups: SUCCESS\n");
}
