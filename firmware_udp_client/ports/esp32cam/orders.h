// What the servers may ask for, and the uploads that follow from it.
#pragma once

#include "plain_c.h"
#include "uploads.h"

namespace orders {

extern const lfcp_command_entry table[];
extern const size_t count;

// Before the client is called: handlers need the time. sleep_s: how long DSLP makes it sleep.
void begin(uint32_t sleep_s);
void at(uint64_t now);

// What was obeyed as far as it goes without the loop.
bool restart_asked();
bool sleep_asked();

// False: too much is on its way already.
bool start_upload(const lfcp_client *client, uploads::Kind kind, const char *text);

}  // namespace orders
