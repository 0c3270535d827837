/* Files and mounts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ace.h"

enum { POLL_MILLISECONDS = 10, PATIENCE_MILLISECONDS = 5000 };

void expect_present(const char *path)
{
	if (access(path, F_OK) < 0)
		wrong("file \"%s\" does not exist as expected", path);
}

void expect_absent(const char *path)
{
	if (access(path, F_OK) == 0)
		wrong("file \"%s\" exists unexpectedly", path);
}

/* Whoever waits for the file never sees half of it. */
void create(const char *path, const char *content)
{
	char aside[256];
	FILE *file;

	snprintf(aside, sizeof(aside), "%s.new", path);
	file = fopen(aside, "we");
	if (!file || fputs(content, file) < 0 || fclose(file) == EOF || rename(aside, path) < 0)
		wrong("cannot create \"%s\": %s", path, strerror(errno));
}

bool wait_for(const char *path)
{
	const struct timespec pause = {.tv_nsec = POLL_MILLISECONDS * 1000000L};

	for (int waited = 0; waited < PATIENCE_MILLISECONDS; waited += POLL_MILLISECONDS) {
		if (access(path, F_OK) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	wrong("timed out waiting for %s", path);
	return false;
}

bool read_text(const char *path, char *text, int size)
{
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file)
		return false;
	length = fread(text, 1, (size_t)size - 1, file);
	text[length] = '\0';
	fclose(file);
	return true;
}

/* The options of the mount itself count, not those of its filesystem: a bind may be read-only.
 * Of several mounts on a path the last one is on top.
 */
static bool find_mount(const char *path, bool *read_only)
{
	char line[4096], point[2048], options[1024];
	FILE *table = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	if (!table) {
		wrong("cannot read /proc/self/mountinfo: %s", strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%*d %*d %*s %*s %2047s %1023s", point, options) != 2) {
			wrong("malformed line in /proc/self/mountinfo: %s", line);
			break;
		}
		if (strcmp(point, path) == 0) {
			found = true;
			*read_only = strncmp(options, "ro", 2) == 0;
		}
	}
	fclose(table);
	return found;
}

void expect_mount(const char *path, bool read_only)
{
	bool is_read_only;
	char probe[256];
	int file;

	if (!find_mount(path, &is_read_only)) {
		wrong("\"%s\" is not a mount point", path);
		return;
	}
	if (is_read_only != read_only)
		wrong("\"%s\" mounted ro=%s, want %s", path, is_read_only ? "true" : "false",
		      read_only ? "true" : "false");
	snprintf(probe, sizeof(probe), "%s/probe", path);
	file = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if ((file < 0) != read_only)
		wrong("\"%s\" can%s be written", path, file < 0 ? "not" : "");
	if (file >= 0) {
		close(file);
		unlink(probe);
	}
}
