/* Reads the options and runs the checks in rkt's order. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"

/* Every option; a NULL value means that it was not given. Order as in rkt-cli.md 12.1. */
enum option_id {
	SILENT_SIGTERM, PRE_SLEEP, READ_STDIN, NO_NEW_PRIVS, CHECK_MKNOD, CHECK_TTY, CHECK_PATH,
	PRINT_EXEC, PRINT_MSG, PRINT_ENV, PRINT_CAPS, PRINT_USER, PRINT_GROUPS, WRITE_FILE,
	READ_FILE, STAT_FILE, HASH_FILE, SYMLINK_TARGET, PRINT_CWD, MEMORY_LIMIT, CPU_QUOTA,
	CPU_SHARES, CHECK_CGROUPS, PRINT_NETNS, PRINT_IPCNS, PRINT_IPV4, PRINT_IPV6,
	DEFAULT_GATEWAY,
	IFACE_COUNT, PRINT_HOSTNAME, SERVE_HTTP, GET_HTTP, APP_ANNOTATION, CHECK_MOUNTNS, SLEEP,
	EXIT_CODE,
	/* say how, not what */
	FILE_NAME, CONTENT, SUFFIX, HTTP_TIMEOUT,
	OPTIONS
};

static const struct option table[] = {
	{"silent-sigterm", no_argument, NULL, SILENT_SIGTERM},
	{"pre-sleep", required_argument, NULL, PRE_SLEEP},
	{"read-stdin", no_argument, NULL, READ_STDIN},
	{"print-no-new-privs", no_argument, NULL, NO_NEW_PRIVS},
	{"check-mknod", required_argument, NULL, CHECK_MKNOD},
	{"check-tty", no_argument, NULL, CHECK_TTY},
	{"check-path", no_argument, NULL, CHECK_PATH},
	{"print-exec", no_argument, NULL, PRINT_EXEC},
	{"print-msg", required_argument, NULL, PRINT_MSG},
	{"print-env", required_argument, NULL, PRINT_ENV},
	{"print-caps-pid", required_argument, NULL, PRINT_CAPS},
	{"print-user", no_argument, NULL, PRINT_USER},
	{"print-groups", no_argument, NULL, PRINT_GROUPS},
	{"write-file", no_argument, NULL, WRITE_FILE},
	{"read-file", no_argument, NULL, READ_FILE},
	{"stat-file", no_argument, NULL, STAT_FILE},
	{"hash-file", no_argument, NULL, HASH_FILE},
	{"file-symlink-target", no_argument, NULL, SYMLINK_TARGET},
	{"print-cwd", no_argument, NULL, PRINT_CWD},
	{"print-memorylimit", no_argument, NULL, MEMORY_LIMIT},
	{"print-cpuquota", no_argument, NULL, CPU_QUOTA},
	{"print-cpushares", no_argument, NULL, CPU_SHARES},
	{"check-cgroups", no_argument, NULL, CHECK_CGROUPS},
	{"print-netns", no_argument, NULL, PRINT_NETNS},
	{"print-ipcns", no_argument, NULL, PRINT_IPCNS},
	{"print-ipv4", required_argument, NULL, PRINT_IPV4},
	{"print-ipv6", required_argument, NULL, PRINT_IPV6},
	{"print-defaultgwv4", no_argument, NULL, DEFAULT_GATEWAY},
	{"print-iface-count", no_argument, NULL, IFACE_COUNT},
	{"print-hostname", no_argument, NULL, PRINT_HOSTNAME},
	{"serve-http", required_argument, NULL, SERVE_HTTP},
	{"get-http", required_argument, NULL, GET_HTTP},
	{"print-app-annotation", required_argument, NULL, APP_ANNOTATION},
	{"check-mountns", no_argument, NULL, CHECK_MOUNTNS},
	{"sleep", required_argument, NULL, SLEEP},
	{"exit-code", required_argument, NULL, EXIT_CODE},
	{"file-name", required_argument, NULL, FILE_NAME},
	{"content", required_argument, NULL, CONTENT},
	{"suffix-msg", required_argument, NULL, SUFFIX},
	{"serve-http-timeout", required_argument, NULL, HTTP_TIMEOUT},
	{NULL, 0, NULL, 0},
};

static const char *given[OPTIONS];

void fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(FAILED);
}

const char *error_text(int number)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s", strerror(number));
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

const char *hostname(void)
{
	static char name[256];

	if (gethostname(name, sizeof(name) - 1) < 0)
		fail("Cannot get hostname: %s", error_text(errno));
	return name;
}

static void end_quietly(int signal)
{
	(void)signal;
	_exit(0);
}

static void pause_for(const char *seconds)
{
	unsigned int left = (unsigned int)atoi(seconds);

	while (left > 0)
		left = sleep(left);
}

static void read_stdin(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	printf("Enter text:\n");
	length = getline(&line, &size, stdin);
	if (length < 0)
		fail("Cannot read stdin: %s", feof(stdin) ? "EOF" : error_text(errno));
	line[strcspn(line, "\r\n")] = '\0';
	printf("Received text: %s\n", line);
	free(line);
}

static void print_message(const char *message)
{
	const char *times = getenv("MESSAGE_LOOP");
	int count = times ? atoi(times) : 1;

	for (int i = 0; i < count; i++)
		printf("%s\n", message);
}

static void print_variable(const char *name)
{
	const char *value = getenv(name);

	printf("%s=%s\n", name, value ? value : "");
}

static void print_cwd(void)
{
	char *where = getcwd(NULL, 0);

	if (!where)
		fail("Cannot get working directory: %s", error_text(errno));
	printf("cwd: %s\n", where);
	free(where);
}

static const char *or_variable(enum option_id option, const char *name)
{
	const char *value = given[option] ? given[option] : getenv(name);

	return value ? value : "";
}

static void parse(int argc, char **argv)
{
	int id;

	opterr = 1;
	/* "+": like Go's flags, the first word that is no option ends them. */
	while ((id = getopt_long_only(argc, argv, "+", table, NULL)) != -1) {
		if (id == '?')
			exit(2);
		given[id] = optarg ? optarg : "";
	}
	if (optind < argc)
		fail("Wrong parameters");
}

static void look_at_process(const char *name)
{
	if (given[NO_NEW_PRIVS])
		print_no_new_privs();
	if (given[CHECK_MKNOD])
		check_mknod(given[CHECK_MKNOD]);
	if (given[CHECK_TTY])
		printf("stdin is %sa terminal\n", isatty(0) ? "" : "not ");
	if (given[CHECK_PATH])
		check_path_variable();
	if (given[PRINT_EXEC])
		printf("inspect exceed as: %s\n", name);
	if (given[PRINT_MSG])
		print_message(given[PRINT_MSG]);
	if (given[PRINT_ENV])
		print_variable(given[PRINT_ENV]);
	if (given[PRINT_CAPS])
		print_capabilities(atol(given[PRINT_CAPS]), given[SUFFIX] ? given[SUFFIX] : "");
	if (given[PRINT_USER])
		print_user();
	if (given[PRINT_GROUPS])
		print_groups();
}

static void look_at_files(void)
{
	const char *path = or_variable(FILE_NAME, "FILE");

	if (given[WRITE_FILE])
		write_file(path, or_variable(CONTENT, "CONTENT"));
	if (given[READ_FILE])
		read_file(path);
	if (given[STAT_FILE])
		stat_file(path);
	if (given[HASH_FILE])
		hash_file(path);
	if (given[SYMLINK_TARGET])
		symlink_target(path);
	if (given[PRINT_CWD])
		print_cwd();
}

static void look_at_limits(void)
{
	if (given[MEMORY_LIMIT])
		print_memory_limit();
	if (given[CPU_QUOTA])
		print_cpu_quota();
	if (given[CPU_SHARES])
		print_cpu_shares();
	if (given[CHECK_CGROUPS])
		check_cgroups();
}

static void look_at_network(void)
{
	if (given[PRINT_NETNS])
		print_namespace("NetNS", "net");
	if (given[PRINT_IPCNS])
		print_namespace("IPCNS", "ipc");
	if (given[PRINT_IPV4])
		print_ipv4(given[PRINT_IPV4]);
	if (given[PRINT_IPV6])
		print_ipv6(given[PRINT_IPV6]);
	if (given[DEFAULT_GATEWAY])
		print_default_gateway();
	if (given[IFACE_COUNT])
		print_interface_count();
	if (given[PRINT_HOSTNAME])
		printf("Hostname: %s\n", hostname());
	if (given[SERVE_HTTP])
		serve_http(given[SERVE_HTTP], given[HTTP_TIMEOUT] ? atoi(given[HTTP_TIMEOUT]) : 30);
	if (given[GET_HTTP])
		get_http(given[GET_HTTP]);
	if (given[APP_ANNOTATION])
		print_annotation(given[APP_ANNOTATION]);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	if (given[SILENT_SIGTERM])
		signal(SIGTERM, end_quietly);
	if (given[PRE_SLEEP])
		pause_for(given[PRE_SLEEP]);
	if (given[READ_STDIN])
		read_stdin();
	look_at_process(argv[0]);
	look_at_files();
	look_at_limits();
	look_at_network();
	if (given[CHECK_MOUNTNS])
		check_mount_namespace();
	if (given[SLEEP])
		pause_for(given[SLEEP]);
	return given[EXIT_CODE] ? atoi(given[EXIT_CODE]) : 0;
}
