/* Runs one program and says what it cost: wall time, CPU time and peak memory.
 *
 *   measure OUT PROGRAM [ARG]...
 *
 * OUT receives the program's stdout and stderr. Printed: wall, user and system time in
 * microseconds, peak resident size in KiB (of the program or any child it waited for), and the
 * wait status, separated by blanks.
 *
 * A small C program because a child's peak memory starts at that of the process it was forked
 * from: started from Python, everything would seem to need 20 MB.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long microseconds(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct timespec start, end;
	struct rusage usage;
	int status, out;
	pid_t child;

	if (argc < 3) {
		fputs("usage: measure OUT PROGRAM [ARG]...\n", stderr);
		return 2;
	}
	out = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0) {
		perror(argv[1]);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	child = vfork();
	if (child == 0) {
		dup2(out, 1);
		dup2(out, 2);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0) {
		perror("measure");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld %lld %lld %ld %d\n",
	       (end.tv_sec - start.tv_sec) * 1000000LL + (end.tv_nsec - start.tv_nsec) / 1000,
	       microseconds(usage.ru_utime), microseconds(usage.ru_stime), usage.ru_maxrss, status);
	return 0;
}
