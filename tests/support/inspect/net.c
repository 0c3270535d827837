/* Interfaces and a little HTTP. Addresses are numeric: a static program has no resolver. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inspect.h"

enum { MESSAGE = 65536 };

static int new_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		fail("Cannot make a socket: %s", error_text(errno));
	return fd;
}

void print_ipv4(const char *interface)
{
	struct ifreq request = {0};
	struct sockaddr_in address;
	int fd = new_socket(AF_INET, SOCK_DGRAM);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCGIFADDR, &request) < 0)
		fail("Cannot get IPv4 of \"%s\": %s", interface, error_text(errno));
	memcpy(&address, &request.ifr_addr, sizeof(address));
	printf("%s IPv4: %s\n", interface, inet_ntoa(address.sin_addr));
	close(fd);
}

/* Each address that leaves the machine; what the kernel made up for the link does not. */
void print_ipv6(const char *interface)
{
	struct ifaddrs *all, *one;
	char text[INET6_ADDRSTRLEN];
	int found = 0;

	if (getifaddrs(&all) < 0)
		fail("Cannot list addresses: %s", error_text(errno));
	for (one = all; one; one = one->ifa_next) {
		struct sockaddr_in6 *address = (struct sockaddr_in6 *)(void *)one->ifa_addr;

		if (!address || address->sin6_family != AF_INET6 || strcmp(one->ifa_name, interface) ||
		    IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
			continue;
		printf("%s IPv6: %s\n", interface,
		       inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text)));
		found++;
	}
	freeifaddrs(all);
	if (!found)
		fail("Cannot get IPv6 of \"%s\": there is none", interface);
}

void print_default_gateway(void)
{
	size_t length;
	char *text = slurp("/proc/net/route", &length), *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int destination, gateway, mask;

		if (sscanf(line, "%*s %x %x %*x %*d %*d %*d %x", &destination, &gateway, &mask) == 3 &&
		    destination == 0 && mask == 0) {
			printf("DefaultGWv4: %s\n", inet_ntoa((struct in_addr){gateway}));
			free(text);
			return;
		}
	}
	fail("Cannot get default gateway: there is none");
}

void print_interface_count(void)
{
	struct if_nameindex *names = if_nameindex();
	int count = 0;

	if (!names)
		fail("Cannot list interfaces: %s", error_text(errno));
	while (names[count].if_index)
		count++;
	if_freenameindex(names);
	printf("Interface count: %d\n", count);
}

/* HOST:PORT, the host numeric, "localhost" or empty, IPv6 in brackets; without a port: fallback. */
static struct sockaddr_storage parse_address(const char *text, size_t length, int fallback)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	char buffer[256], *host = buffer, *port;

	snprintf(buffer, sizeof(buffer), "%.*s", (int)length, text);
	port = strrchr(buffer, ':');
	if (*buffer == '[' && strchr(buffer, ']')) {
		address.ss_family = AF_INET6;
		host++;
		port = strchr(buffer, ']');
		*port++ = '\0';
		port = *port == ':' ? port : NULL;
	}
	if (port)
		*port++ = '\0';
	v4->sin_port = htons((unsigned short)(port ? atoi(port) : fallback)); /* v6's place as well */
	if (address.ss_family == AF_INET6 ? inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 : !*host)
		return address;
	if (strcmp(host, "localhost") == 0)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (address.ss_family == AF_INET6 || !inet_aton(host, &v4->sin_addr))
		fail("Wrong address \"%s\": it must be numeric", host);
	return address;
}

static void send_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t count = send(fd, text, left, MSG_NOSIGNAL);

		if (count < 0)
			fail("Cannot send: %s", error_text(errno));
		text += count;
		left -= (size_t)count;
	}
}

/* Answers one request with the host name, or gives up after timeout seconds. */
void serve_http(const char *text, int timeout)
{
	struct sockaddr_storage address = parse_address(text, strlen(text), 80);
	int fd = new_socket(address.ss_family, SOCK_STREAM), one = 1, client;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char request[MESSAGE], answer[512];

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 8) < 0)
		fail("Cannot serve on %s: %s", text, error_text(errno));
	printf("%s: serving on %s\n", hostname(), text);
	if (poll(&wait, 1, timeout * 1000) <= 0)
		fail("No request within %d seconds", timeout);
	client = accept(fd, NULL, NULL);
	if (client < 0 || recv(client, request, sizeof(request), 0) < 0)
		fail("Cannot receive: %s", error_text(errno));
	snprintf(answer, sizeof(answer),
		 "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(hostname()), hostname());
	send_all(client, answer);
	close(client);
	close(fd);
}

/* The body of an http URL, valid until the next call. */
static const char *body_of(const char *url)
{
	static char answer[MESSAGE];
	const char *rest = strncmp(url, "http://", 7) ? url : url + 7;
	size_t host = strcspn(rest, "/"), length = 0;
	struct sockaddr_storage address = parse_address(rest, host, 80);
	char request[8192], *body;
	int fd = new_socket(address.ss_family, SOCK_STREAM), status = 0;
	ssize_t count;

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("Get %s: %s", url, error_text(errno));
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.0\r\nHost: %.*s\r\nMetadata-Flavor: AppContainer\r\n\r\n",
		 rest[host] ? rest + host : "/", (int)host, rest);
	send_all(fd, request);
	while ((count = recv(fd, answer + length, sizeof(answer) - 1 - length, 0)) > 0)
		length += (size_t)count;
	answer[length] = '\0';
	close(fd);
	body = strstr(answer, "\r\n\r\n");
	if (!body || sscanf(answer, "HTTP/%*s %d", &status) != 1 || status != 200)
		fail("Get %s: HTTP status %d", url, status);
	return body + 4;
}

void get_http(const char *url)
{
	printf("HTTP-Get received: %s\n", body_of(url));
}

void print_annotation(const char *name)
{
	const char *service = getenv("AC_METADATA_URL"), *app = getenv("AC_APP_NAME");
	char url[4096];

	if (!service || !app)
		fail("Cannot get annotation: AC_METADATA_URL and AC_APP_NAME must be set");
	snprintf(url, sizeof(url), "%s/acMetadata/v1/apps/%s/annotations/%s", service, app, name);
	printf("Annotation %s=%s\n", name, body_of(url));
}
