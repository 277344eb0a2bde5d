#include "tcp_line.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_connect.h"

#define FIRST_WAIT_MS 1000
#define MOST_DOUBLINGS 5 /* 32 s */

void tcp_line_start(tcp_line *line, const host_port *server)
{
    memset(line, 0, sizeof *line);
    line->server = *server;
    line->descriptor = -1;
}

void tcp_line_close(tcp_line *line)
{
    if (line->descriptor >= 0) {
        close(line->descriptor);
    }
    line->descriptor = -1;
    line->connected = false;
    line->outgoing_length = line->incoming_length = 0;
}

static void broken(tcp_line *line, uint64_t now)
{
    const unsigned doublings = line->failures < MOST_DOUBLINGS ? line->failures : MOST_DOUBLINGS;
    tcp_line_close(line);
    line->not_before = now + ((uint64_t)FIRST_WAIT_MS << doublings);
    line->failures++;
}

/* One of the server's addresses at each attempt, in turn. */
static bool begin_to_connect(tcp_line *line, uint64_t now)
{
    line->descriptor = tcp_connect_begin(&line->server, line->failures);
    if (line->descriptor < 0) {
        broken(line, now);
    }
    return line->descriptor >= 0;
}

static bool flush(tcp_line *line, uint64_t now)
{
    while (line->outgoing_length > 0) {
        const ssize_t sent = send(line->descriptor, line->outgoing, line->outgoing_length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                return true;
            }
            broken(line, now);
            return false;
        }
        line->outgoing_length -= (size_t)sent;
        memmove(line->outgoing, line->outgoing + sent, line->outgoing_length);
    }
    return true;
}

bool tcp_line_send(tcp_line *line, const uint8_t *frame, size_t length, uint64_t now)
{
    if (line->descriptor < 0 && (now < line->not_before || !begin_to_connect(line, now))) {
        return false;
    }
    if (line->outgoing_length + length + 1 > sizeof line->outgoing) {
        return false;
    }
    memcpy(line->outgoing + line->outgoing_length, frame, length);
    line->outgoing[line->outgoing_length + length] = '\n';
    line->outgoing_length += length + 1;
    return !line->connected || flush(line, now);
}

short tcp_line_events(const tcp_line *line)
{
    return (short)(line->connected && line->outgoing_length == 0 ? POLLIN : POLLIN | POLLOUT);
}

bool tcp_line_work(tcp_line *line, short events, uint64_t now)
{
    if (!line->connected && (events & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        if (!tcp_connect_succeeded(line->descriptor)) {
            broken(line, now);
            return false;
        }
        line->connected = true;
    }
    return !line->connected || (events & POLLOUT) == 0 || flush(line, now);
}

/* Takes the first line off the buffer. */
static bool take_line(tcp_line *line, uint8_t *frame, size_t size, size_t *length)
{
    const uint8_t *end = memchr(line->incoming, '\n', line->incoming_length);
    if (end == NULL) {
        return false;
    }
    const size_t taken = (size_t)(end - line->incoming) + 1;
    *length = taken - 1 < size ? taken - 1 : size;
    memcpy(frame, line->incoming, *length);
    line->incoming_length -= taken;
    memmove(line->incoming, line->incoming + taken, line->incoming_length);
    line->failures = 0; /* a connection counts once it brought something */
    return true;
}

bool tcp_line_receive(tcp_line *line, uint8_t *frame, size_t size, size_t *length, uint64_t now)
{
    if (take_line(line, frame, size, length)) {
        return true;
    }
    if (!line->connected) {
        return false;
    }
    const size_t room = sizeof line->incoming - line->incoming_length;
    const ssize_t got = recv(line->descriptor, line->incoming + line->incoming_length, room, 0);
    if (got > 0) {
        line->incoming_length += (size_t)got;
        return take_line(line, frame, size, length);
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        broken(line, now); /* also where a line fills the whole buffer: no server sends such a one */
    }
    return false;
}
