/* A validator for executors of app containers: says what an app finds wrong with its surroundings.
 *
 * Modes, order of the checks and texts are those of appc's own validator (images.md 1.16); what the
 * specification promises beyond them (1.15) is checked as well. Two things come from outside:
 * ACE_HOST, the namespaces of the host ("ipc:[1] mnt:[2] …"), and ACE_DNS, a name server.
 */
#ifndef ACE_H
#define ACE_H

#include <stdbool.h>

/* main.c: one thing is wrong; the mode goes on and fails. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* files.c */
void expect_present(const char *path);
void expect_absent(const char *path);
void create(const char *path, const char *content);
bool wait_for(const char *path);
void expect_mount(const char *path, bool read_only);
bool read_text(const char *path, char *text, int size);

/* process.c */
void expect_environment(const char *app);
void expect_working_directory(const char *want);
void expect_privileges(void);
void expect_own_namespaces(void);
void describe(char *text, int size);
void expect_neighbour(const char *path);

/* abi.c */
void expect_devices(void);
void expect_filesystems(void);
void expect_names(void);
void expect_loopback(void);

#endif
