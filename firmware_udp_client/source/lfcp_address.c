#include "lfcp_address.h"

#include <string.h>

#include "lfcp_client_internal.h"

#define V4 12     /* where the IPv4 address begins */
#define GROUPS 8  /* of 16 bits, of IPv6 */
#define PORT_DIGITS 5

static const uint8_t mapped[V4] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool lfcp_address_is_v4(const lfcp_address *address)
{
    return memcmp(address->ip, mapped, V4) == 0;
}

bool lfcp_address_same_host(const lfcp_address *one, const lfcp_address *other)
{
    return memcmp(one->ip, other->ip, sizeof one->ip) == 0;
}

bool lfcp_address_same(const lfcp_address *one, const lfcp_address *other)
{
    return one->port == other->port && lfcp_address_same_host(one, other);
}

static lfcp_scope scope_of_v4(const uint8_t *ip)
{
    if (ip[0] == 127) {
        return LFCP_SCOPE_LOOPBACK;
    }
    if (ip[0] == 0 || ip[0] >= 224) {
        return LFCP_SCOPE_NONE;
    }
    bool is_private = ip[0] == 10 || (ip[0] == 172 && ip[1] >> 4 == 1) || (ip[0] == 192 && ip[1] == 168) ||
                      (ip[0] == 169 && ip[1] == 254);
    return is_private ? LFCP_SCOPE_PRIVATE : LFCP_SCOPE_GLOBAL;
}

lfcp_scope lfcp_address_scope(const lfcp_address *address)
{
    static const uint8_t loopback[16] = {[15] = 1};
    const uint8_t *ip = address->ip;
    if (lfcp_address_is_v4(address)) {
        return scope_of_v4(ip + V4);
    }
    if (memcmp(ip, loopback, sizeof loopback) == 0) {
        return LFCP_SCOPE_LOOPBACK;
    }
    if (ip[0] >> 1 == 0xfc >> 1 || (ip[0] == 0xfe && ip[1] >> 6 == 2)) {
        return LFCP_SCOPE_PRIVATE;
    }
    return ip[0] >> 5 == 1 ? LFCP_SCOPE_GLOBAL : LFCP_SCOPE_NONE;
}

lfcp_text lfcp_cut(lfcp_text *text, char end)
{
    lfcp_text piece = {text->at, 0};
    while (piece.length < text->length && piece.at[piece.length] != end) {
        piece.length++;
    }
    size_t taken = piece.length < text->length ? piece.length + 1 : piece.length;
    text->at += taken;
    text->length -= taken;
    return piece;
}

static bool read_v4(lfcp_text text, uint8_t ip[4])
{
    for (unsigned at = 0; at < 4; at++) {
        uint64_t number;
        lfcp_text piece = lfcp_cut(&text, '.');
        if (piece.length == 0 || !lfcp_read_decimal(piece, 3, &number) || number > 255) {
            return false;
        }
        ip[at] = (uint8_t)number;
    }
    return text.length == 0 && text.at[-1] != '.';
}

/* The digit's value in either case, or 16. */
static unsigned hex_value(char digit)
{
    char lower = (char)(digit | 0x20);
    if (digit >= '0' && digit <= '9') {
        return (unsigned)(digit - '0');
    }
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a' + 10) : 16;
}

static bool read_group(lfcp_text piece, uint8_t to[2])
{
    unsigned number = 0;
    for (size_t at = 0; at < piece.length; at++) {
        unsigned value = hex_value(piece.at[at]);
        if (value == 16) {
            return false;
        }
        number = number << 4 | value;
    }
    lfcp_put_big_endian(to, number, 2);
    return piece.length >= 1 && piece.length <= 4;
}

/* Two bytes of the address, or its last four as IPv4. */
static size_t read_piece(lfcp_text piece, uint8_t *to, size_t room, bool is_last)
{
    if (is_last && room >= 4 && read_v4(piece, to)) {
        return 4;
    }
    return room >= 2 && read_group(piece, to) ? 2 : 0;
}

/* "::" is an empty piece, and stands for the zero groups that are missing. */
static bool read_groups(lfcp_text text, uint8_t groups[16], size_t *used, size_t *gap)
{
    *used = 0;
    *gap = 16;
    while (text.length > 0) {
        lfcp_text piece = lfcp_cut(&text, ':');
        bool is_last = text.length == 0 && text.at[-1] != ':';
        size_t taken = read_piece(piece, groups + *used, 16 - *used, is_last);
        if (piece.length == 0 && *gap == 16) {
            *gap = *used;
        } else if (taken == 0 || (text.length == 0 && !is_last)) {
            return false;
        }
        *used += taken;
    }
    return (*used == 16) == (*gap == 16);
}

static bool read_v6(lfcp_text text, uint8_t ip[16])
{
    uint8_t groups[16];
    size_t used, gap;
    if (text.length > 0 && text.at[0] == ':') {
        lfcp_cut(&text, ':'); /* what stands before it is nothing */
        if (text.length == 0 || text.at[0] != ':') {
            return false;
        }
    }
    if (!read_groups(text, groups, &used, &gap)) {
        return false;
    }
    gap = gap < used ? gap : used;
    memset(ip, 0, 16);
    memcpy(ip, groups, gap);
    memcpy(ip + 16 - (used - gap), groups + gap, used - gap);
    return true;
}

static bool read_port(lfcp_text text, uint16_t *port)
{
    uint64_t number;
    if (text.length == 0 || !lfcp_read_decimal(text, PORT_DIGITS, &number) || number == 0 || number > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

bool lfcp_address_read(lfcp_text text, lfcp_address *address)
{
    if (text.length == 0 || text.length > LFCP_ADDRESS_TEXT) {
        return false;
    }
    if (text.at[0] != '[') {
        memcpy(address->ip, mapped, V4);
        return read_v4(lfcp_cut(&text, ':'), address->ip + V4) && read_port(text, &address->port);
    }
    lfcp_cut(&text, '[');
    lfcp_text host = lfcp_cut(&text, ']');
    return read_v6(host, address->ip) && lfcp_same_text(lfcp_cut(&text, ':'), "") && read_port(text, &address->port);
}

static void put_v4(lfcp_writer *out, const uint8_t ip[4])
{
    for (unsigned at = 0; at < 4; at++) {
        lfcp_put_word(out, at == 0 ? "" : ".");
        lfcp_put_decimal(out, ip[at]);
    }
}

static bool is_zero(const uint8_t *ip, unsigned group)
{
    return ip[2 * group] == 0 && ip[2 * group + 1] == 0;
}

/* The first of the longest runs of two zero groups or more; the length is 0 without one. */
static unsigned longest_zeros(const uint8_t *ip, unsigned *length)
{
    unsigned best = GROUPS;
    *length = 1;
    for (unsigned begin = 0; begin < GROUPS; begin++) {
        unsigned end = begin;
        while (end < GROUPS && is_zero(ip, end)) {
            end++;
        }
        if (end - begin > *length) {
            *length = end - begin;
            best = begin;
        }
    }
    return best;
}

static void put_v6(lfcp_writer *out, const uint8_t *ip)
{
    unsigned length;
    unsigned gap = longest_zeros(ip, &length);
    lfcp_put_word(out, "[");
    for (unsigned at = 0; at < GROUPS; at++) {
        if (at == gap) {
            lfcp_put_word(out, "::");
            at += length - 1;
            continue;
        }
        lfcp_put_word(out, at == 0 || at == gap + length ? "" : ":");
        lfcp_put_hex(out, lfcp_get_big_endian(ip + 2 * at, 2));
    }
    lfcp_put_word(out, "]");
}

size_t lfcp_address_write(const lfcp_address *address, char text[LFCP_ADDRESS_TEXT])
{
    lfcp_writer out = {text, LFCP_ADDRESS_TEXT, 0};
    if (lfcp_address_is_v4(address)) {
        put_v4(&out, address->ip + V4);
    } else {
        put_v6(&out, address->ip);
    }
    lfcp_put_word(&out, ":");
    lfcp_put_decimal(&out, address->port);
    return out.length;
}
