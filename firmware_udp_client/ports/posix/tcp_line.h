/* LFCP over TCP to one server: a connection that is made when there is something to say, and made anew when it breaks. */
#ifndef TCP_LINE_H
#define TCP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host_port.h"
#include "lfcp_constants.h"

#define TCP_LINE_OUTGOING 4096 /* bytes that wait for a slow connection; beyond, a frame is lost, as over UDP */

typedef struct tcp_line {
    host_port server;
    int descriptor; /* -1: no connection */
    bool connected;
    unsigned failures;
    uint64_t not_before; /* ms; the next attempt */
    uint8_t outgoing[TCP_LINE_OUTGOING];
    size_t outgoing_length;
    uint8_t incoming[LFCP_LINE_BUFFER];
    size_t incoming_length;
} tcp_line;

void tcp_line_start(tcp_line *line, const host_port *server);
void tcp_line_close(tcp_line *line);

/* The frame and LF. False if it is lost: no connection can be tried now, or too much waits already. */
bool tcp_line_send(tcp_line *line, const uint8_t *frame, size_t length, uint64_t now);

/* What poll() should wait for. */
short tcp_line_events(const tcp_line *line);

/* After poll(): goes on with connecting and sending. False when the connection broke. */
bool tcp_line_work(tcp_line *line, short events, uint64_t now);

/* The next line that has come in, without its end. False: none; the connection may have broken meanwhile. */
bool tcp_line_receive(tcp_line *line, uint8_t *frame, size_t size, size_t *length, uint64_t now);

#endif
