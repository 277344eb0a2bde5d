/* HELLO, with which a side says where it may be reached. */
#include "lfcp_meeting_internal.h"

#define ROUND_DIGITS 4

bool lfcp_is_mapping(char mapping)
{
    return mapping == 'u' || mapping == 'e' || mapping == 's' || mapping == 'h';
}

static void put_candidate(lfcp_writer *out, char kind, const lfcp_address *at)
{
    char text[LFCP_ADDRESS_TEXT];
    const char head[] = {' ', kind, '\0'};
    lfcp_put_word(out, head);
    lfcp_put(out, (lfcp_text){text, lfcp_address_write(at, text)});
}

static void put_hosts(lfcp_writer *out, const lfcp_own *own)
{
    for (unsigned at = 0; at < own->host_count; at++) {
        lfcp_scope scope = lfcp_address_scope(&own->hosts[at]);
        if (scope == LFCP_SCOPE_PRIVATE) {
            put_candidate(out, 'h', &own->hosts[at]);
        } else if (scope == LFCP_SCOPE_GLOBAL && !lfcp_address_is_v4(&own->hosts[at])) {
            put_candidate(out, '6', &own->hosts[at]);
        }
    }
}

/* What a NAT that counts its ports gives next. */
static void put_predicted(lfcp_writer *out, lfcp_address at, int direction)
{
    for (unsigned step = 0; step < LFCP_MAX_STEP; step++) {
        at.port = (uint16_t)(at.port + direction);
        if (at.port == 0) {
            return;
        }
        put_candidate(out, 'g', &at);
    }
}

size_t lfcp_hello_write(const lfcp_meeting *meeting, char *text)
{
    const lfcp_own *own = &meeting->own[meeting->attempt == 2];
    const char side[] = {' ', meeting->mapping, ' ', '-', '\0'};
    lfcp_writer out = {text, LFCP_MEETING_ROOM - LFCP_TUNNEL_HEAD - LFCP_TUNNEL_SEAL, 0};
    lfcp_put_decimal(&out, meeting->round);
    lfcp_put_word(&out, " ");
    lfcp_put_decimal(&out, meeting->attempt);
    lfcp_put_word(&out, side);
    if (own->was_seen && meeting->attempt == 2) {
        put_candidate(&out, 'p', &own->seen);
    }
    if (own->was_seen && meeting->attempt < 3 && meeting->mapping == 's') {
        put_predicted(&out, own->seen, meeting->direction);
    }
    if (meeting->attempt < 3) {
        put_hosts(&out, own);
    }
    return out.length;
}

static bool read_number(lfcp_text text, size_t digits, uint16_t *number)
{
    uint64_t read;
    bool good = text.length > 0 && lfcp_read_decimal(text, digits, &read) && read != 0;
    *number = good ? (uint16_t)read : 0;
    return good;
}

static bool read_head(lfcp_text *text, lfcp_hello *hello)
{
    uint16_t attempt;
    bool good = read_number(lfcp_cut(text, ' '), ROUND_DIGITS, &hello->round) &&
                read_number(lfcp_cut(text, ' '), 1, &attempt) && attempt <= 3;
    lfcp_text mapping = lfcp_cut(text, ' '), sockets = lfcp_cut(text, ' ');
    if (!good || mapping.length != 1 || !lfcp_is_mapping(mapping.at[0])) {
        return false;
    }
    hello->attempt = (uint8_t)attempt;
    hello->mapping = mapping.at[0];
    hello->many_sockets = lfcp_same_text(sockets, "b");
    return hello->many_sockets || lfcp_same_text(sockets, "-");
}

static bool read_candidate(lfcp_text piece, lfcp_candidate *candidate)
{
    char kind = piece.length > 0 ? piece.at[0] : '\0';
    candidate->kind = kind;
    return (kind == 'h' || kind == '6' || kind == 'p' || kind == 'g') &&
           lfcp_address_read((lfcp_text){piece.at + 1, piece.length - 1}, &candidate->at);
}

bool lfcp_hello_read(lfcp_text text, lfcp_hello *hello)
{
    hello->count = 0;
    if (text.length == 0 || text.at[text.length - 1] == ' ' || !read_head(&text, hello)) {
        return false;
    }
    while (text.length > 0) {
        lfcp_text piece = lfcp_cut(&text, ' ');
        if (hello->count == LFCP_MAX_CANDIDATES || !read_candidate(piece, &hello->each[hello->count++])) {
            return false;
        }
    }
    return true;
}

/* Nothing that the other side says makes this one send to where neither it nor the server saw that side, but to its own
 * site or by IPv6. */
bool lfcp_candidate_allowed(const lfcp_meeting *meeting, const lfcp_candidate *candidate)
{
    lfcp_scope scope = lfcp_address_scope(&candidate->at);
    if (candidate->kind == 'h') {
        return scope == LFCP_SCOPE_PRIVATE;
    }
    if (candidate->kind == '6') {
        return scope == LFCP_SCOPE_GLOBAL && !lfcp_address_is_v4(&candidate->at);
    }
    return meeting->public_allowed && lfcp_address_same_host(&candidate->at, &meeting->about.other);
}
