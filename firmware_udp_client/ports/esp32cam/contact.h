// LFCP: the client, its servers, and what their commands do.
#pragma once

#include "camera.h"
#include "plain_c.h"

namespace contact {

// A start, or the way back from a deep sleep that kept the client's memory. False if the configuration is none, or the
// flash fails; `problem` says so then.
bool begin(const config &settings, uint64_t now);
const char *problem();

// Call it often. came_in: the network is a new one.
void work(bool came_in, uint64_t now);

// Whether a server was heard, or the internet answered, since the last call.
bool useful();

// A picture that SNAP asked for, or empty; and one of the camera's own.
void snap_taken(Picture picture, const char *problem, uint64_t now);
void show(Picture picture, lfcp_trigger trigger);

// Something moves, or went wrong.
void tell(lfcp_verb verb, const char *text, uint64_t now);

bool detector_on();
bool camera_on();
const lfcp_client *client();

// An upload that was begun for a command, or by failover alarm mode, has ended.
void command_ended(bool succeeded, const char *why, uint64_t now);
void probe_ended(bool reachable, uint64_t now);

// Seconds of deep sleep that every server knows of now; 0: none.
uint32_t sleep_due();
bool restart_due();

}  // namespace contact
