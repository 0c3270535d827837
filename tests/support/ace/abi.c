/* What an app may rely on under Linux: devices, kernel filesystems, names, loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ace.h"

static const struct {
	const char *path;
	unsigned int major, minor; /* 0: any, a terminal has the number it gets */
	int flags;		   /* it can be opened so; -1 where that takes a terminal */
} devices[] = {
	{"/dev/null", 1, 3, O_RDWR},
	{"/dev/zero", 1, 5, O_RDWR},
	{"/dev/full", 1, 7, O_RDWR},
	{"/dev/random", 1, 8, O_RDONLY | O_NONBLOCK},
	{"/dev/urandom", 1, 9, O_RDONLY},
	{"/dev/tty", 5, 0, -1},
	{"/dev/console", 0, 0, -1},
	{"/dev/ptmx", 5, 2, O_RDWR},
};

static const struct {
	const char *path;
	long magic;
} filesystems[] = {
	{"/proc", PROC_SUPER_MAGIC},
	{"/sys", SYSFS_MAGIC},
	{"/dev/pts", DEVPTS_SUPER_MAGIC},
	{"/dev/shm", TMPFS_MAGIC},
};

void expect_devices(void)
{
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		const char *path = devices[i].path;
		struct stat info;
		int file;

		if (stat(path, &info) < 0) {
			wrong("\"%s\": %s", path, strerror(errno));
			continue;
		}
		if (!S_ISCHR(info.st_mode) ||
		    (devices[i].major && info.st_rdev != makedev(devices[i].major, devices[i].minor)))
			wrong("\"%s\" is not the device it should be", path);
		if (devices[i].flags < 0)
			continue;
		file = open(path, devices[i].flags | O_NOCTTY | O_CLOEXEC);
		if (file < 0)
			wrong("\"%s\" cannot be opened: %s", path, strerror(errno));
		else
			close(file);
	}
}

void expect_filesystems(void)
{
	for (size_t i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++) {
		struct statfs info;

		if (statfs(filesystems[i].path, &info) < 0)
			wrong("\"%s\": %s", filesystems[i].path, strerror(errno));
		else if (info.f_type != filesystems[i].magic)
			wrong("\"%s\" is not the filesystem it should be", filesystems[i].path);
	}
}

/* Host name, hosts and resolv.conf. */
void expect_names(void)
{
	const char *server = getenv("ACE_DNS");
	char name[65] = "", text[4096] = "", want[64];

	if (gethostname(name, sizeof(name)) < 0 || strncmp(name, "rkt-", 4) != 0)
		wrong("host name is \"%s\", want rkt-UUID", name);
	if (!read_text("/etc/hosts", text, sizeof(text)) || !strstr(text, "127.0.0.1") ||
	    !strstr(text, "localhost"))
		wrong("\"/etc/hosts\" does not name the loopback");
	text[0] = '\0';
	snprintf(want, sizeof(want), "nameserver %s\n", server ? server : "?");
	if (!read_text("/etc/resolv.conf", text, sizeof(text)) || !strstr(text, want))
		wrong("\"/etc/resolv.conf\" does not say %.*s", (int)strlen(want) - 1, want);
}

void expect_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct in_addr address;

	if (control < 0 || ioctl(control, SIOCGIFFLAGS, &request) < 0 ||
	    !(request.ifr_flags & IFF_UP))
		wrong("interface lo is not up");
	if (control < 0 || ioctl(control, SIOCGIFADDR, &request) < 0)
		wrong("interface lo has no address");
	else {
		address = ((struct sockaddr_in *)&request.ifr_addr)->sin_addr;
		if (address.s_addr != htonl(INADDR_LOOPBACK))
			wrong("address of lo is %s", inet_ntoa(address));
	}
	if (control >= 0)
		close(control);
}
