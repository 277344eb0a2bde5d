/* What a server of LFCP heartbeats costs at the least: the same job in C, 64 datagrams in a system call.
 *
 * For each datagram: strip a trailing NUL, CR and LF, split at the commas into 8 fields, look the host up in a hash
 * table (a new one is put in), note when it was seen, format NAME,ACK,0,0,0,0,0,0 and send it back.
 * It supervises nothing, stores nothing and believes everybody: a limit to compare with, not a server.
 *
 *     peer ADDRESS PORT        prints the port it got, then runs until it is killed */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define DATAGRAM 256
#define FIELDS 8
#define MAX_NAME 32
#define TABLE (1u << 18) /* slots; at most half of them are used */
#define SOCKET_BUFFER (4 << 20)

struct host {
    uint8_t name_size;
    char name[MAX_NAME];
    uint64_t seen_ns, heartbeats;
};

struct field {
    const char *text;
    size_t size;
};

static struct host table[TABLE];
static unsigned hosts;

static struct mmsghdr messages[BATCH];
static struct iovec vectors[BATCH];
static struct sockaddr_storage addresses[BATCH];
static char datagrams[BATCH][DATAGRAM], replies[BATCH][DATAGRAM];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t hash(struct field f)
{
    uint64_t h = 14695981039346656037ull; /* FNV-1a */
    for (size_t i = 0; i < f.size; i++)
        h = (h ^ (uint8_t)f.text[i]) * 1099511628211ull;
    return h;
}

/* NULL: the name is too long, or the table is full. */
static struct host *find(struct field name)
{
    if (name.size == 0 || name.size > MAX_NAME)
        return NULL;
    for (uint64_t i = hash(name);; i++) {
        struct host *h = &table[i & (TABLE - 1)];
        if (h->name_size == name.size && !memcmp(h->name, name.text, name.size))
            return h;
        if (h->name_size == 0) {
            if (hosts == TABLE / 2)
                return NULL;
            hosts++;
            h->name_size = (uint8_t)name.size;
            memcpy(h->name, name.text, name.size);
            return h;
        }
    }
}

/* Returns how many fields there are; more than FIELDS count, but are not kept. */
static unsigned split(const char *text, size_t size, struct field fields[FIELDS])
{
    unsigned count = 0;
    for (const char *end = text + size;; count++) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;
        if (count < FIELDS)
            fields[count] = (struct field){text, (size_t)(stop - text)};
        if (!comma)
            return count + 1;
        text = comma + 1;
    }
}

/* Returns the size of the reply, or 0 for none. */
static size_t answer(const char *datagram, size_t size, char *reply, uint64_t now)
{
    static const char heartbeat[] = "HEARTBEAT", ack[] = ",ACK,0,0,0,0,0,0";
    struct field fields[FIELDS];
    while (size && (datagram[size - 1] == '\0' || datagram[size - 1] == '\r' || datagram[size - 1] == '\n'))
        size--;
    if (split(datagram, size, fields) != FIELDS)
        return 0;
    struct host *host = find(fields[0]);
    if (!host || fields[1].size != sizeof heartbeat - 1 || memcmp(fields[1].text, heartbeat, fields[1].size))
        return 0;
    host->seen_ns = now;
    host->heartbeats++;
    memcpy(reply, host->name, host->name_size);
    memcpy(reply + host->name_size, ack, sizeof ack - 1);
    return host->name_size + sizeof ack - 1;
}

static void expect_datagrams(void)
{
    for (unsigned i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){datagrams[i], DATAGRAM};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &addresses[i], .msg_namelen = sizeof addresses[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
}

/* Turns the received messages into replies in place; those without one are closed up. Returns how many are left. */
static unsigned answer_all(unsigned received)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
    unsigned count = 0;
    for (unsigned i = 0; i < received; i++) {
        size_t size = answer(datagrams[i], messages[i].msg_len, replies[i], now);
        if (!size)
            continue;
        vectors[count] = (struct iovec){replies[i], size};
        messages[count].msg_hdr.msg_name = &addresses[i];
        messages[count].msg_hdr.msg_namelen = messages[i].msg_hdr.msg_namelen;
        count++;
    }
    return count;
}

static void serve(int sock)
{
    struct pollfd readable = {sock, POLLIN, 0};
    for (;;) {
        expect_datagrams();
        int got = recvmmsg(sock, messages, BATCH, MSG_DONTWAIT, NULL);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
                die("recvmmsg");
            poll(&readable, 1, -1);
            continue;
        }
        unsigned count = answer_all((unsigned)got), done = 0;
        while (done < count) {
            int sent = sendmmsg(sock, messages + done, count - done, 0);
            done += sent > 0 ? (unsigned)sent : 1; /* one that cannot be sent is dropped, as UDP does */
        }
    }
}

int main(int argc, char **argv)
{
    int size = SOCKET_BUFFER;
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t here_size = sizeof here;
    if (argc != 3 || inet_pton(AF_INET, argv[1], &here.sin_addr) != 1) {
        fprintf(stderr, "usage: peer ADDRESS PORT\n");
        return 2;
    }
    here.sin_port = htons((uint16_t)atoi(argv[2]));
    int sock = socket(AF_INET, SOCK_DGRAM, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *)&here, sizeof here) < 0)
        die("bind");
    setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (getsockname(sock, (struct sockaddr *)&here, &here_size) < 0)
        die("getsockname");
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    serve(sock);
}
