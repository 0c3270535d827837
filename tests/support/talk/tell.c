/* An app that says what it is told to its systemd, as sd_notify(3) does, without its library.
 *
 * tell STEP...   takes one step after the other and ends with 0
 *
 * say=TEXT     sends TEXT; "|" in it is a line end
 * print=TEXT   writes a line
 * env=NAME     writes NAME=VALUE of its environment
 * wait=FILE    waits until FILE exists
 * feed=FILE    sends WATCHDOG=1 in a third of $WATCHDOG_USEC, until FILE exists
 * deaf         takes no notice of SIGTERM and SIGABRT from now on
 * serve        on SIGHUP reads its configuration, as it says; stays until SIGTERM
 */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int say(const char *words) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[256];

    if (!path || strlen(path) >= sizeof address.sun_path || strlen(words) >= sizeof text)
        return fail("NOTIFY_SOCKET");
    strcpy(text, words);
    for (char *bar = text; (bar = strchr(bar, '|'));)
        *bar = '\n';
    strcpy(address.sun_path, path);
    if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address,
               offsetof(struct sockaddr_un, sun_path) + strlen(path)) < 0)
        return fail("sendto");
    close(fd);
    return 0;
}

static int wait_for(const char *file) {
    printf("waiting for %s\n", file);
    while (access(file, F_OK) < 0)
        usleep(20000);
    return 0;
}

static int feed(const char *file) {
    const char *limit = getenv("WATCHDOG_USEC"), *owner = getenv("WATCHDOG_PID");
    int failed = 0;

    if (!limit || !owner || atoi(owner) != getpid()) {
        fprintf(stderr, "no watchdog: WATCHDOG_USEC=%s WATCHDOG_PID=%s\n", limit ? limit : "",
                owner ? owner : "");
        return 1;
    }
    printf("fed every third of %s\n", limit);
    while (access(file, F_OK) < 0 && !(failed = say("WATCHDOG=1")))
        usleep(strtoul(limit, NULL, 10) / 3);
    return failed;
}

static int serve(void) {
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (puts("serving"); !sigwait(&set, &number) && number == SIGHUP; say("READY=1|STATUS=serving")) {
        say("RELOADING=1|STATUS=reading");
        puts("read its configuration");
    }
    say("STOPPING=1|STATUS=going");
    puts("bye");
    return 0;
}

static int take(const char *step) {
    const char *equals = strchr(step, '=');
    const char *rest = equals ? equals + 1 : "";

    if (!strncmp(step, "say=", 4))
        return say(rest);
    if (!strncmp(step, "print=", 6))
        return puts(rest) < 0;
    if (!strncmp(step, "env=", 4))
        return printf("%s=%s\n", rest, getenv(rest) ? getenv(rest) : "") < 0;
    if (!strncmp(step, "wait=", 5))
        return wait_for(rest);
    if (!strncmp(step, "feed=", 5))
        return feed(rest);
    if (!strcmp(step, "deaf"))
        return signal(SIGTERM, SIG_IGN) == SIG_ERR || signal(SIGABRT, SIG_IGN) == SIG_ERR;
    if (!strcmp(step, "serve"))
        return serve();
    fprintf(stderr, "tell: no such step: %s\n", step);
    return 1;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int step = 1; step < argc; step++)
        if (take(argv[step]))
            return 1;
    return 0;
}
