/* The in-pod helper of the tests: looks at its surroundings and says what it sees.
 *
 * Options and outputs are those of rkt's test program (rkt-cli.md 12.1), error texts included: they
 * begin in lower case as Go's do. Each check prints to stdout or ends the program with status 254.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stddef.h>

enum { FAILED = 254 };

/* main.c */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
const char *error_text(int number);
const char *hostname(void);

/* files.c */
void write_file(const char *path, const char *content);
void read_file(const char *path);
void stat_file(const char *path);
void hash_file(const char *path);
void symlink_target(const char *path);
void check_mknod(const char *device);
char *slurp(const char *path, size_t *length);

/* sha1.c: the hex digest of data, valid until the next call */
const char *sha1(const unsigned char *data, size_t length);

/* process.c */
void print_capabilities(long pid, const char *suffix);
void print_no_new_privs(void);
void print_user(void);
void print_groups(void);
void print_namespace(const char *label, const char *name);
void check_mount_namespace(void);
void check_path_variable(void);

/* cgroup.c */
void print_memory_limit(void);
void print_cpu_quota(void);
void print_cpu_shares(void);
void check_cgroups(void);

/* net.c */
void print_ipv4(const char *interface);
void print_ipv6(const char *interface); /* ours; the rest is rkt's */
void print_default_gateway(void);
void print_interface_count(void);
void serve_http(const char *address, int timeout);
void get_http(const char *url);
void print_annotation(const char *name);

#endif
