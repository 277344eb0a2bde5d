#include "picture_line.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_connect.h"

#define FIRST_WAIT_MS 1000
#define MOST_DOUBLINGS 5 /* 32 s */

void picture_line_start(picture_line *line, const host_port *server)
{
    memset(line, 0, sizeof *line);
    line->server = server;
    line->descriptor = -1;
}

void picture_line_close(picture_line *line)
{
    if (line->descriptor >= 0) {
        close(line->descriptor);
    }
    line->descriptor = -1;
    line->connected = false;
    line->line_length = line->body_length = line->sent = line->incoming_length = 0;
}

static void broke(picture_line *line, uint64_t now)
{
    const unsigned doublings = line->failures < MOST_DOUBLINGS ? line->failures : MOST_DOUBLINGS;
    picture_line_close(line);
    line->not_before = now + ((uint64_t)FIRST_WAIT_MS << doublings);
    line->failures++;
}

static void moved(picture_line *line, uint64_t now)
{
    line->give_up_at = now + LFCP_UPLOAD_ANSWER_MS;
}

void picture_line_open(picture_line *line, uint64_t now)
{
    if (line->descriptor >= 0 || now < line->not_before) {
        return;
    }
    line->descriptor = tcp_connect_begin(line->server, line->failures);
    if (line->descriptor < 0) {
        broke(line, now);
    }
    moved(line, now);
}

void picture_line_send(picture_line *line, const uint8_t *body, size_t length, uint64_t now)
{
    line->body = body;
    line->body_length = length;
    line->sent = 0;
    moved(line, now);
}

bool picture_line_is_sending(const picture_line *line)
{
    return line->sent < line->line_length + line->body_length;
}

struct pollfd picture_line_watch(const picture_line *line)
{
    const bool writes = !line->connected || picture_line_is_sending(line);
    return (struct pollfd){.fd = line->descriptor, .events = (short)(writes ? POLLIN | POLLOUT : POLLIN)};
}

static bool is_writable(const picture_line *line)
{
    struct pollfd watched = {.fd = line->descriptor, .events = POLLOUT};
    return poll(&watched, 1, 0) == 1;
}

/* The line, then the picture from where it lies. False: the connection is gone. */
static bool send_some(picture_line *line, uint64_t now)
{
    while (picture_line_is_sending(line)) {
        const bool in_line = line->sent < line->line_length;
        const uint8_t *from = in_line ? line->line + line->sent : line->body + (line->sent - line->line_length);
        const size_t rest = (in_line ? line->line_length : line->line_length + line->body_length) - line->sent;
        const ssize_t sent = send(line->descriptor, from, rest, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        }
        line->sent += (size_t)sent;
        moved(line, now);
    }
    return true;
}

static bool works(picture_line *line, bool waits, uint64_t now)
{
    if (!line->connected && is_writable(line)) {
        if (!tcp_connect_succeeded(line->descriptor)) {
            return false;
        }
        line->connected = true;
        moved(line, now);
    }
    return (!line->connected || send_some(line, now)) && (now < line->give_up_at || (line->connected && !waits));
}

bool picture_line_work(picture_line *line, bool waits, uint64_t now)
{
    if (line->descriptor < 0 || works(line, waits, now)) {
        return true;
    }
    broke(line, now);
    return false;
}

/* Takes the first line off the buffer. */
static bool take_line(picture_line *line, uint8_t *frame, size_t size, size_t *length)
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
    line->failures = 0;
    return true;
}

bool picture_line_receive(picture_line *line, uint8_t *frame, size_t size, size_t *length, uint64_t now)
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
        moved(line, now);
        return take_line(line, frame, size, length);
    }
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        broke(line, now); /* also where a line fills the whole buffer: no server sends such a one */
    }
    return false;
}
