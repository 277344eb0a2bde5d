/* A load of LFCP devices over UDP, for servers on this machine.
 *
 * Every device has its own name (dev00000 ...) and its own source address (127.1.0.0 + n), all through one socket:
 * IP_PKTINFO names the source of what is sent and tells which device an answer went to, so one sendmmsg carries
 * the messages of up to 64 devices. A device has at most one message on the way, as a camera has.
 *
 * Closed loop (--window): so many messages are on the way at any time; the server sets the pace. For rates.
 * Open loop (--rate): messages leave on a fixed schedule, whatever the server does, and a latency is counted from
 * the moment the message was due, so a stall of the server (or of this program) is paid by every message it held up.
 *
 * One JSON object on standard output. Ends after --seconds or --count messages, whichever comes first. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"
#include "load_device.h"
#include "load_options.h"

#define BATCH 64
#define FIRST_ADDRESS 0x7f010000u /* 127.1.0.0 */
#define CONTROL 64
#define SOCKET_BUFFER (4 << 20)
#define SWEEP_NS 50000000ull /* how often lost messages are looked for */
#define POLL_NS 10000000ull
#define GATHER_NS 200000ull

struct totals {
    uint64_t sent, answered, challenged, lost, unexpected, behind_ns;
    struct histogram latency;
};

static struct options options;
static const struct kind *kind;
static struct device *devices;
static struct totals totals;
static struct sockaddr_in server;
static unsigned next_device, on_the_way;
static int sock;

static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_vectors[BATCH], in_vectors[BATCH];
static char messages[BATCH][FRAME], replies[BATCH][FRAME];
static char controls[BATCH][CONTROL] __attribute__((aligned(8)));

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ---- set-up ---- */

static void make_device(struct device *d, unsigned number)
{
    d->name_size = (uint8_t)snprintf(d->name, sizeof d->name, "dev%05u", number);
    d->address.s_addr = htonl(FIRST_ADDRESS + number);
    d->source.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    struct in_pktinfo source = {.ipi_spec_dst = d->address};
    memcpy(CMSG_DATA(&d->source.header), &source, sizeof source);
    kind->make(d);
}

static void make_devices(void)
{
    devices = calloc(options.devices, sizeof *devices);
    if (!devices)
        die("calloc");
    for (unsigned i = 0; i < options.devices; i++)
        make_device(&devices[i], options.first + i);
}

static void open_socket(void)
{
    int on = 1, size = SOCKET_BUFFER;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.source_port)};
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    if (inet_pton(AF_INET, options.host, &server.sin_addr) != 1)
        die("host must be an IPv4 address");
    sock = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *)&any, sizeof any) < 0)
        die("bind");
    if (setsockopt(sock, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) < 0)
        die("IP_PKTINFO");
    setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void make_messages(void)
{
    for (unsigned i = 0; i < BATCH; i++) {
        out[i].msg_hdr = (struct msghdr){.msg_name = &server, .msg_namelen = sizeof server,
                                         .msg_iov = &out_vectors[i], .msg_iovlen = 1};
        in_vectors[i] = (struct iovec){replies[i], FRAME};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_vectors[i], .msg_iovlen = 1, .msg_control = controls[i]};
    }
}

/* ---- one message ---- */

static void forget(struct device *d)
{
    d->sent = 0;
    on_the_way--;
}

static bool is_overdue(const struct device *d, uint64_t now)
{
    return d->sent && now > d->sent + options.timeout_ns;
}

static void sweep(uint64_t now)
{
    static uint64_t last;
    if (now < last + SWEEP_NS)
        return;
    last = now;
    for (unsigned i = 0; i < options.devices; i++)
        if (is_overdue(&devices[i], now)) {
            forget(&devices[i]);
            totals.lost++;
        }
}

/* The next device in turn that waits for nothing; NULL when all of them wait. */
static struct device *free_device(void)
{
    for (unsigned tried = 0; tried < options.devices; tried++) {
        struct device *d = &devices[next_device];
        next_device = next_device + 1 == options.devices ? 0 : next_device + 1;
        if (!d->sent)
            return d;
    }
    return NULL;
}

static void put(unsigned slot, struct device *d, uint64_t stamp)
{
    const char *frame;
    size_t size = kind->write(d, messages[slot], &frame);
    d->sent = stamp;
    out_vectors[slot] = (struct iovec){(void *)frame, size};
    out[slot].msg_hdr.msg_control = &d->source;
    out[slot].msg_hdr.msg_controllen = sizeof d->source;
}

static void send_batch(unsigned count)
{
    on_the_way += count;
    totals.sent += count;
    for (unsigned done = 0; done < count;) {
        int sent = sendmmsg(sock, out + done, count - done, 0);
        if (sent > 0) {
            done += (unsigned)sent;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            struct pollfd writable = {sock, POLLOUT, 0};
            poll(&writable, 1, 10);
        } else if (errno != EINTR && errno != ECONNREFUSED) {
            die("sendmmsg");
        }
    }
}

/* The device that an answer went to, by the address it arrived at, if it waits for one. */
static struct device *whose(const struct mmsghdr *m)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(&m->msg_hdr);
    struct in_pktinfo info;
    if (!c || c->cmsg_type != IP_PKTINFO)
        return NULL;
    memcpy(&info, CMSG_DATA(c), sizeof info);
    unsigned number = ntohl(info.ipi_addr.s_addr) - FIRST_ADDRESS - options.first;
    if (number >= options.devices)
        return NULL;
    return devices[number].sent ? &devices[number] : NULL;
}

static void take(const struct mmsghdr *m, uint64_t now)
{
    struct device *d = whose(m);
    enum answer answer = d ? kind->read(d, m->msg_hdr.msg_iov->iov_base, m->msg_len) : NO_ANSWER;
    if (answer == NO_ANSWER) {
        totals.unexpected++;
        return;
    }
    histogram_add(&totals.latency, now > d->sent ? now - d->sent : 0);
    totals.answered++;
    totals.challenged += answer == CHALLENGED;
    forget(d);
}

/* Returns how many datagrams there were. */
static unsigned receive_batch(void)
{
    for (unsigned i = 0; i < BATCH; i++)
        in[i].msg_hdr.msg_controllen = CONTROL;
    int got = recvmmsg(sock, in, BATCH, MSG_DONTWAIT, NULL);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
            die("recvmmsg");
        return 0;
    }
    uint64_t now = now_ns();
    for (int i = 0; i < got; i++)
        take(&in[i], now);
    return (unsigned)got;
}

static void wait_readable(uint64_t nanoseconds)
{
    struct pollfd readable = {sock, POLLIN, 0};
    struct timespec limit = {(time_t)(nanoseconds / SECOND_NS), (long)(nanoseconds % SECOND_NS)};
    ppoll(&readable, 1, &limit, NULL);
}

/* A wake-up for every answer is paid by the server, in its sendto, and dearer than what it does there else: a slow server
 * would pay it always, a fast one never. So answers gather for a moment, while the server has more than enough to do. */
static void let_answers_gather(void)
{
    struct timespec moment = {0, GATHER_NS};
    if (on_the_way > options.window / 2)
        nanosleep(&moment, NULL);
}

/* ---- the loops ---- */

static void closed_loop(uint64_t until, uint64_t count)
{
    for (uint64_t now = now_ns(); now < until && totals.sent < count; now = now_ns()) {
        unsigned filled = 0;
        struct device *d;
        while (filled < BATCH && on_the_way + filled < options.window && totals.sent + filled < count
               && (d = free_device()))
            put(filled++, d, now);
        send_batch(filled);
        if (receive_batch() == 0 && filled == 0) {
            wait_readable(POLL_NS);
            let_answers_gather();
            sweep(now_ns());
        }
    }
}

/* When message number n is due; the schedule does not bend when this program is late. */
static uint64_t due_at(uint64_t start, uint64_t n)
{
    return start + (uint64_t)((double)n * 1e9 / options.rate);
}

static void open_loop(uint64_t until, uint64_t count)
{
    uint64_t start = now_ns();
    for (uint64_t now = start; now < until && totals.sent < count; now = now_ns()) {
        unsigned filled = 0;
        struct device *d;
        uint64_t due;
        while (filled < BATCH && totals.sent + filled < count && (due = due_at(start, totals.sent + filled)) <= now
               && (d = free_device())) {
            if (now - due > totals.behind_ns)
                totals.behind_ns = now - due;
            put(filled++, d, due);
        }
        send_batch(filled);
        sweep(now);
        if (receive_batch() == 0 && filled == 0) {
            due = due_at(start, totals.sent);
            wait_readable(due > now ? due - now : POLL_NS);
        }
    }
}

/* What is still on the way gets its chance; then it is lost. */
static void drain(void)
{
    uint64_t until = now_ns() + options.timeout_ns;
    while (on_the_way && now_ns() < until)
        if (receive_batch() == 0)
            wait_readable(POLL_NS);
    totals.lost += on_the_way;
    for (unsigned i = 0; i < options.devices; i++)
        devices[i].sent = 0;
    on_the_way = 0;
}

/* Every device --passes times, not counted: sessions exist and caches are filled. Returns what was lost. */
static uint64_t warm_up(void)
{
    closed_loop(now_ns() + MAX_SECONDS * SECOND_NS, (uint64_t)options.passes * options.devices);
    drain();
    uint64_t lost = totals.lost;
    memset(&totals, 0, sizeof totals);
    return lost;
}

/* Of this program so far, user and system. */
static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
           + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void report(uint64_t answered, double seconds, double cpu, uint64_t warm_up_lost)
{
    const struct histogram *h = &totals.latency;
    printf("{\"kind\": \"%s\", \"loop\": \"%s\", \"devices\": %u, \"window\": %u, \"seconds\": %.3f, "
           "\"sent\": %llu, \"answered\": %llu, \"challenged\": %llu, \"lost\": %llu, \"unexpected\": %llu, "
           "\"warm_up_lost\": %llu, \"rate\": %.0f, \"cpu_us\": %.2f, \"behind_us\": %.1f, \"latency_us\": "
           "{\"mean\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}}\n",
           options.kind, options.rate > 0 ? "open" : "closed", options.devices, options.window, seconds,
           (unsigned long long)totals.sent, (unsigned long long)totals.answered, (unsigned long long)totals.challenged,
           (unsigned long long)totals.lost, (unsigned long long)totals.unexpected, (unsigned long long)warm_up_lost,
           (double)answered / seconds, totals.sent ? cpu * 1e6 / (double)totals.sent : 0,
           (double)totals.behind_ns / 1e3, h->count ? (double)h->sum / (double)h->count / 1e3 : 0,
           (double)histogram_percentile(h, 0.5) / 1e3, (double)histogram_percentile(h, 0.99) / 1e3,
           (double)histogram_percentile(h, 0.999) / 1e3, (double)h->max / 1e3);
}

int main(int argc, char **argv)
{
    options = parse_options(argc, argv);
    kind = kind_named(options.kind);
    if (!kind)
        refuse("no such kind of devices in this build");
    prctl(PR_SET_TIMERSLACK, 1000); /* ns; the default of 50 µs would be seen in the percentiles */
    make_devices();
    open_socket();
    make_messages();
    uint64_t warm_up_lost = warm_up();
    double cpu = cpu_seconds();
    uint64_t start = now_ns(), until = start + (uint64_t)(options.seconds * 1e9);
    if (options.rate > 0)
        open_loop(until, options.count);
    else
        closed_loop(until, options.count);
    uint64_t answered = totals.answered, end = now_ns();
    drain();
    report(answered, (double)(end - start) / 1e9, cpu_seconds() - cpu, warm_up_lost);
    return 0;
}
