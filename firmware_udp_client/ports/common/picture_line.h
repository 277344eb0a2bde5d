/* The TCP connection on which one server gets a device's pictures: a line and its picture go out, a line comes back. */
#ifndef PICTURE_LINE_H
#define PICTURE_LINE_H

#include <sys/poll.h>

#include "host_port.h"
#include "lfcp_upload.h"

typedef struct picture_line {
    const host_port *server;
    int descriptor; /* -1: closed */
    bool connected;
    unsigned failures;   /* in a row, without a line from the server */
    uint64_t not_before; /* ms; the next attempt to connect */
    uint64_t give_up_at; /* unless a byte comes or goes before */
    uint8_t line[LFCP_UPLOAD_MAX_LINE];
    size_t line_length;
    const uint8_t *body; /* the caller's */
    size_t body_length;
    size_t sent; /* of both */
    uint8_t incoming[LFCP_LINE_BUFFER];
    size_t incoming_length;
} picture_line;

/* The server must live as long. */
void picture_line_start(picture_line *line, const host_port *server);
void picture_line_close(picture_line *line);

/* Begins to connect, if it is closed and its time has come. */
void picture_line_open(picture_line *line, uint64_t now);

/* On an open connection with nothing on its way: line->line and line->line_length are set, then this. The body stays the
 * caller's memory until the answer or the end of the connection. */
void picture_line_send(picture_line *line, const uint8_t *body, size_t length, uint64_t now);

bool picture_line_is_sending(const picture_line *line);

/* Goes on with connecting and sending. waits: for an answer. False: the connection broke, or stood still for too long,
 * and is closed now. */
bool picture_line_work(picture_line *line, bool waits, uint64_t now);

/* The next line that came in. False: none, or the connection broke and is closed now. */
bool picture_line_receive(picture_line *line, uint8_t *frame, size_t size, size_t *length, uint64_t now);

/* What poll() should wait for; fd -1 while it is closed. */
struct pollfd picture_line_watch(const picture_line *line);

#endif
