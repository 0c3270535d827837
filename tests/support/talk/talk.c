/* An app that talks to systemd as sd_listen_fds(3) does, without their library.
 *
 * talk serve        answers on every socket that it was given, and stays
 * talk serve-once   answers once and ends with 0
 * talk deaf         takes no notice of its sockets, and stays
 * talk stdin        answers on its standard output what its standard input asks, and ends with 0
 *
 * An answer is a line: "answered by APP". With "name" for "serve" it goes on with "on NAME of NAMES",
 * the name of the socket in LISTEN_FDNAMES and all of that. A socket may be listening or a connection; datagrams are
 * answered to where they came from.
 */
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_SOCKET = 3, MOST_SOCKETS = 16 };

static int named; /* answers tell the names of sockets */

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int write_answer(char *line, size_t size, int number) {
    const char *names = getenv("LISTEN_FDNAMES");
    const char *own = names ? names : "";
    if (!named)
        return snprintf(line, size, "answered by %s\n", getenv("AC_APP_NAME"));
    for (; number > 0 && strchr(own, ':'); number--)
        own = strchr(own, ':') + 1;
    return snprintf(line, size, "answered by %s on %.*s of %s\n", getenv("AC_APP_NAME"),
                    (int)strcspn(own, ":"), own, names ? names : "");
}

static int answer(int fd, int number) {
    char line[512], asked[512];
    int length = write_answer(line, sizeof line, number), type = 0, listens = 0;
    socklen_t size = sizeof type;

    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
    if (type == SOCK_DGRAM) {
        struct sockaddr_storage peer;
        socklen_t there = sizeof peer;
        if (recvfrom(fd, asked, sizeof asked, 0, (struct sockaddr *)&peer, &there) < 0)
            return fail("recvfrom");
        return sendto(fd, line, length, 0, (struct sockaddr *)&peer, there) < 0 ? fail("sendto") : 0;
    }
    int peer = listens ? accept(fd, NULL, NULL) : fd;
    if (peer < 0)
        return fail("accept");
    if (!listens && read(peer, asked, sizeof asked) < 0) /* unread, it would become a reset */
        return fail("read");
    if (write(peer, line, length) < 0)
        return fail("write");
    return close(peer);
}

static int serve(int once) {
    const char *text = getenv("LISTEN_FDS"), *owner = getenv("LISTEN_PID");
    int count = text ? atoi(text) : 0;
    struct pollfd sockets[MOST_SOCKETS];

    if (count < 1 || count > MOST_SOCKETS || !owner || atoi(owner) != getpid()) {
        fprintf(stderr, "no socket: LISTEN_FDS=%s LISTEN_PID=%s\n", text ? text : "", owner ? owner : "");
        return 1;
    }
    for (int i = 0; i < count; i++)
        sockets[i] = (struct pollfd){.fd = FIRST_SOCKET + i, .events = POLLIN};
    for (;;) {
        if (poll(sockets, count, -1) < 0)
            return fail("poll");
        for (int i = 0; i < count; i++) {
            if (!sockets[i].revents)
                continue;
            int status = answer(sockets[i].fd, i);
            if (status || once)
                return status;
        }
    }
}

static int serve_stdin(void) {
    char asked[256];
    if (!fgets(asked, sizeof asked, stdin))
        return fail("stdin");
    printf("%s was asked %s", getenv("AC_APP_NAME"), asked);
    return 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    named = argc == 2 && !strncmp(argv[1], "name", 4);
    if (argc == 2 && (named || !strncmp(argv[1], "serve", 5)))
        return serve(strchr(argv[1], '-') != NULL);
    if (argc == 2 && !strcmp(argv[1], "deaf"))
        return pause();
    if (argc == 2 && !strcmp(argv[1], "stdin"))
        return serve_stdin();
    return fail("usage: talk serve | serve-once | deaf | stdin");
}
