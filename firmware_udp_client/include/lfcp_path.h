/* The way of a device's datagrams through NAT, for a client of LFCP/2 on UDP: docs/protocol.md, "Through NAT". It tells
 * the servers what kind of NAT there is and how long its mappings live, answers PROB, and learns the interval of the
 * heartbeats. A module: a client that does not name it does without, and its code is not linked.
 *
 *     lfcp_path_start(&path, &lfcp_ladder_usual, sockets);
 *     config.modules = &path.module; config.interval_s = 0; lfcp_client_start(…);
 *     loop: if (lfcp_path_wants_socket(&path, &client, now())) { open another main socket in place of the old;
 *               lfcp_path_new_socket(&path, &client, now()); }
 *           lfcp_client_poll(…) as without it;
 *           while (lfcp_path_poll(&path, &client, now(), frame, sizeof frame, &length, &server, &socket) == LFCP_OK &&
 *                  length)
 *               send frame to that server from that socket, opened if it is not;
 *           close every socket from 1 on that is open and that lfcp_path_uses() says nothing of;
 *           wait for a datagram at any socket, or until lfcp_client_next_wakeup_ms() or lfcp_path_next_wakeup_ms();
 *           a datagram at any socket: lfcp_client_receive(…) as without it
 *
 * Socket 0 is the main one, the one that the client's own frames leave from. */
#ifndef LFCP_PATH_H
#define LFCP_PATH_H

#include "lfcp_address.h"
#include "lfcp_ladder.h"

typedef struct lfcp_seen {
    lfcp_address at;
    bool known;
    bool old; /* another server has seen the device move since */
} lfcp_seen;

/* Read nothing but module, whose `next` and nothing else may be written. */
typedef struct lfcp_path {
    lfcp_module module;
    lfcp_ladder ladder;
    lfcp_seen seen[LFCP_CLIENT_SERVERS]; /* what each server sees of the main socket */
    uint64_t probed[LFCP_CLIENT_SERVERS]; /* counter of the PROB whose ACK is owed; 0: none */
    uint64_t since; /* the last counter that was sent from another socket than this */
    uint64_t climb_at;
    uint64_t began_at; /* the last ladder */
    uint32_t life;
    bool climbed;
    char mapping;
    char report[6]; /* "." mapping life */
} lfcp_path;

/* Before lfcp_client_start. The steps must live as long. sockets: how many the ladder may have at a time; less than 2:
 * none is climbed. */
void lfcp_path_start(lfcp_path *path, const lfcp_ladder_steps *steps, unsigned sockets);

/* The next frame to send, as lfcp_client_poll. */
lfcp_status lfcp_path_poll(lfcp_path *path, lfcp_client *client, uint64_t now_ms, uint8_t *frame, size_t size,
                           size_t *length, unsigned *server, unsigned *socket);
void lfcp_path_next_wakeup_ms(const lfcp_path *path, const lfcp_client *client, uint64_t *wakeup_ms);

/* False: the ladder has done with this socket, or has not begun with it. */
bool lfcp_path_uses(const lfcp_path *path, unsigned socket);

/* A heartbeat and its repetitions went unanswered, and the next one is due: perhaps the NAT takes nothing from this port
 * any more. Once for a server that was heard on this socket; again and again while none is. */
bool lfcp_path_wants_socket(const lfcp_path *path, const lfcp_client *client, uint64_t now_ms);

/* The main socket is another one, behind the same NAT as far as known. Every server is told at once. */
void lfcp_path_new_socket(lfcp_path *path, lfcp_client *client, uint64_t now_ms);

/* So is the network: all that was learned is void. Instead of lfcp_path_new_socket. */
void lfcp_path_network_changed(lfcp_path *path, lfcp_client *client, uint64_t now_ms);

/* 'u', 'e', 's' or 'h'. */
char lfcp_path_mapping(const lfcp_path *path);

/* False: no ladder was climbed. s; 0: shorter than every step. */
bool lfcp_path_life(const lfcp_path *path, uint32_t *life);

/* The device's own interval, s, which a server may allow less than. */
uint32_t lfcp_path_interval_s(const lfcp_client *client);

#endif
