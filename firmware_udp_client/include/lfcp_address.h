/* Addresses of UDP as docs/protocol.md writes them: `192.0.2.1:4000`, `[2001:db8::1]:4000`. */
#ifndef LFCP_ADDRESS_H
#define LFCP_ADDRESS_H

#include "lfcp_codec.h"

#define LFCP_ADDRESS_TEXT 53 /* characters of the longest one that is read; what is written has at most 47 */

/* IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2), as a socket for both families has it. */
typedef struct lfcp_address {
    uint8_t ip[16]; /* as on the wire */
    uint16_t port;
} lfcp_address;

/* Whom an address reaches. */
typedef enum lfcp_scope {
    LFCP_SCOPE_NONE,     /* nobody or many: unspecified, multicast, broadcast, reserved */
    LFCP_SCOPE_LOOPBACK, /* the machine itself */
    LFCP_SCOPE_PRIVATE,  /* a site: RFC 1918, RFC 4193, link-local */
    LFCP_SCOPE_GLOBAL    /* anybody, or a carrier's network */
} lfcp_scope;

/* False for anything but an address with a port from 1 on. */
bool lfcp_address_read(lfcp_text text, lfcp_address *address);

/* As RFC 5952 wants it. Returns its length, at most LFCP_ADDRESS_TEXT; no NUL ends it. */
size_t lfcp_address_write(const lfcp_address *address, char text[LFCP_ADDRESS_TEXT]);

bool lfcp_address_is_v4(const lfcp_address *address);
bool lfcp_address_same(const lfcp_address *one, const lfcp_address *other);
bool lfcp_address_same_host(const lfcp_address *one, const lfcp_address *other);
lfcp_scope lfcp_address_scope(const lfcp_address *address);

#endif
