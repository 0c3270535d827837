/* The four modes. Each prints "MODE OK", or "MODE FAIL" and what is wrong, one thing a line. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ace.h"

enum { USAGE = 64 };

static int errors;

void wrong(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("==> ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	errors++;
}

/* The root is clean and can be written; the app has not been started. */
static void before_the_start(void)
{
	expect_absent("/prestart");
	create("/prestart", "");
	expect_absent("/main");
	expect_absent("/poststop");
	expect_environment("ace-validator-main");
}

static void share(const char *path)
{
	char text[512];

	describe(text, sizeof(text));
	expect_absent(path);
	create(path, text);
}

static void main_app(void)
{
	expect_present("/prestart");
	expect_absent("/main");
	create("/main", "");
	expect_absent("/poststop");
	expect_environment("ace-validator-main");
	expect_working_directory("/opt/acvalidator");
	expect_mount("/db", false);
	expect_mount("/config", true);
	expect_privileges();
	expect_devices();
	expect_filesystems();
	expect_names();
	expect_loopback();
	expect_own_namespaces();
	if (wait_for("/db/sidekick"))
		expect_neighbour("/db/sidekick");
	share("/db/main");
}

static void sidekick(void)
{
	expect_environment("ace-validator-sidekick");
	share("/db/sidekick");
	wait_for("/db/main");
}

/* The root is still the app's. */
static void after_the_end(void)
{
	expect_present("/prestart");
	expect_present("/main");
	expect_absent("/poststop");
	create("/poststop", "");
	expect_environment("ace-validator-main");
}

static const struct {
	const char *name;
	void (*check)(void);
} modes[] = {
	{"prestart", before_the_start},
	{"main", main_app},
	{"sidekick", sidekick},
	{"poststop", after_the_end},
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].check();
			printf("%s %s\n", argv[1], errors ? "FAIL" : "OK");
			return errors != 0;
		}
	}
	fprintf(stderr, "usage: %s prestart|main|sidekick|poststop\n", argv[0]);
	return USAGE;
}
