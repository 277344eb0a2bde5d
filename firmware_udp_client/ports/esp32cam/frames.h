// Pictures to the servers of LFCP (FRAM), over TCP, without waiting: for SNAP, motion, the own interval, and live ones. Of
// the loop's task alone.
#pragma once

#include "camera.h"
#include "plain_c.h"

namespace frames {

// The client must be started before anything is offered.
void begin(lfcp_client *client);
void add(const host_port &server);

// server: a number or PICTURE_FOR_ALL. id: of the SNAP; null: an own one. False: too many wait.
bool offer(Picture picture, lfcp_trigger trigger, const char *id, unsigned server);
bool has(const char *id);
void live(unsigned server, uint32_t seconds, uint64_t now);
bool busy();

// Call it often.
void work(uint64_t now);
void hang_up(uint64_t now);

// A line of a server, for the client; and what the client made of it.
bool receive(unsigned *server, uint8_t *frame, size_t size, size_t *length, uint64_t now);
void answered(unsigned server, const lfcp_answer &answer, uint64_t now);

}  // namespace frames
