/* An app that talks to systemd as sd_notify(3) and sd_listen_fds(3) do, without their library.
 *
 * talk ready FILE   waits until FILE exists, says READY=1, and stays
 * talk serve        answers each connection to its one socket with a line, and stays
 * talk serve-once   answers one connection and ends with 0
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_SOCKET = 3 };

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int say_ready(const char *file) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (!path || strlen(path) >= sizeof address.sun_path)
        return fail("NOTIFY_SOCKET");
    printf("waiting for %s\n", file);
    while (access(file, F_OK) < 0)
        usleep(20000);
    strcpy(address.sun_path, path);
    if (sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&address,
               offsetof(struct sockaddr_un, sun_path) + strlen(path)) < 0)
        return fail("sendto");
    for (;;)
        pause();
}

static int serve(int once) {
    const char *count = getenv("LISTEN_FDS"), *owner = getenv("LISTEN_PID");
    char line[64];

    if (!count || strcmp(count, "1") || !owner || atoi(owner) != getpid()) {
        fprintf(stderr, "no socket: LISTEN_FDS=%s LISTEN_PID=%s\n", count ? count : "", owner ? owner : "");
        return 1;
    }
    do {
        int fd = accept(FIRST_SOCKET, NULL, NULL);
        if (fd < 0)
            return fail("accept");
        int length = snprintf(line, sizeof line, "answered by %s\n", getenv("AC_APP_NAME"));
        if (write(fd, line, length) < 0)
            return fail("write");
        close(fd);
    } while (!once);
    return 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 3 && !strcmp(argv[1], "ready"))
        return say_ready(argv[2]);
    if (argc == 2 && !strncmp(argv[1], "serve", 5))
        return serve(argv[1][5] == '-');
    return fail("usage: talk ready FILE | serve | serve-once");
}
