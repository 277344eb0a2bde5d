// What the servers may ask for, and the uploads that follow from it.
#pragma once

#include "camera.h"
#include "plain_c.h"
#include "uploads.h"

namespace orders {

extern const lfcp_command_entry table[];
extern const size_t count;

// Before the client is called: handlers need the time. sleep_s: how long DSLP makes it sleep.
void begin(uint32_t sleep_s);
void at(uint64_t now);

// The picture that SNAP asked for is there, or empty.
void snap_taken(lfcp_client *client, Picture picture, const char *problem);

// What was obeyed as far as it goes without the loop.
bool restart_asked();
bool sleep_asked();
uint64_t sleep_asked_at();

// False: too much is on its way already.
bool start_upload(const lfcp_client *client, uploads::Kind kind, const char *text);

}  // namespace orders
