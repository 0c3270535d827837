/* What the process is: environment, rights, namespaces. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ace.h"

#define PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What the isolators of the main image leave. */
enum { SCORE = 99 };
#define CAPABILITIES (UINT64_C(1) << 1 | UINT64_C(1) << 5 | UINT64_C(1) << 13)

static const char *const namespaces[] = {"ipc", "mnt", "net", "pid", "uts"};
enum { NAMESPACES = sizeof(namespaces) / sizeof(namespaces[0]) };

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

void expect_environment(const char *app)
{
	if (strcmp(variable("PATH"), PATH) != 0)
		wrong("PATH not set appropriately (need \"%s\", got \"%s\")", PATH,
		      variable("PATH"));
	if (strcmp(variable("AC_APP_NAME"), app) != 0)
		wrong("AC_APP_NAME not set appropriately (need \"%s\", got \"%s\")", app,
		      variable("AC_APP_NAME"));
	if (!*variable("container"))
		wrong("environment variable \"container\" is not set");
	/* Only the main image has it. */
	if (strcmp(app, "ace-validator-main") == 0 &&
	    strcmp(variable("IN_ACE_VALIDATOR"), "correct") != 0)
		wrong("environment variable \"IN_ACE_VALIDATOR\" not set appropriately "
		      "(need \"correct\", got \"%s\")", variable("IN_ACE_VALIDATOR"));
}

void expect_working_directory(const char *want)
{
	char here[4096];

	if (!getcwd(here, sizeof(here)))
		wrong("cannot get working directory: %s", strerror(errno));
	else if (strcmp(here, want) != 0)
		wrong("working directory not set appropriately (need \"%s\", got %s)", want, here);
}

static void expect_bounds(void)
{
	char text[8192], *at;
	uint64_t bounds;

	if (!read_text("/proc/self/status", text, sizeof(text)) ||
	    !(at = strstr(text, "CapBnd:"))) {
		wrong("cannot read capabilities");
		return;
	}
	bounds = strtoull(at + strlen("CapBnd:"), NULL, 16);
	if (bounds != CAPABILITIES)
		wrong("capabilities bounded to %jx, want %jx", (uintmax_t)bounds,
		      (uintmax_t)CAPABILITIES);
}

void expect_privileges(void)
{
	char score[32] = "";

	if (getuid() != 0 || geteuid() != 0 || getgid() != 0 || getegid() != 0)
		wrong("running as %u:%u, want 0:0", getuid(), getgid());
	expect_bounds();
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		wrong("privileges can be gained");
	if (!read_text("/proc/self/oom_score_adj", score, sizeof(score)) || atoi(score) != SCORE)
		wrong("oom_score_adj is %d, want %d", atoi(score), SCORE);
}

static void read_namespace(const char *name, char target[64])
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	length = readlink(path, target, 63);
	target[length < 0 ? 0 : length] = '\0';
}

void expect_own_namespaces(void)
{
	const char *host = variable("ACE_HOST");

	if (!*host)
		wrong("ACE_HOST is not set");
	for (int i = 0; i < NAMESPACES; i++) {
		char target[64];

		read_namespace(namespaces[i], target);
		if (!*target)
			wrong("cannot read namespace %s", namespaces[i]);
		else if (strstr(host, target))
			wrong("namespace %s is the host's", namespaces[i]);
	}
}

/* One line: process id and namespaces, for the other app to compare. */
void describe(char *text, int size)
{
	int length = snprintf(text, (size_t)size, "%d", getpid());

	for (int i = 0; i < NAMESPACES; i++) {
		char target[64];

		read_namespace(namespaces[i], target);
		length += snprintf(text + length, (size_t)(size - length), " %s", target);
	}
}

/* The apps of a pod share all namespaces but that of mounts, and see each other's processes. */
void expect_neighbour(const char *path)
{
	char text[512] = "";
	int pid;

	if (!read_text(path, text, sizeof(text)) || (pid = atoi(text)) < 1) {
		wrong("cannot read \"%s\"", path);
		return;
	}
	if (kill(pid, 0) < 0)
		wrong("process %d of the other app: %s", pid, strerror(errno));
	for (int i = 0; i < NAMESPACES; i++) {
		bool own = strcmp(namespaces[i], "mnt") == 0;
		char target[64];

		read_namespace(namespaces[i], target);
		if (*target && (strstr(text, target) != NULL) == own)
			wrong("namespace %s is %s the other app's", namespaces[i],
			      own ? "also" : "not");
	}
}
