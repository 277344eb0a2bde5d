/* Message -> bytes, within the limits of the table. No frame is longer than LFCP_SEND_MAX_FRAME, or
 * LFCP_SIGNED_MAX_FRAME: the table's limits do not add up to that, as tests/protocol computes. */
#include "lfcp_internal.h"

#define UNUSED "0"
#define SIGNED_PARAMETERS 4 /* the other two are the counter and the tag */
#define LIMITED 4           /* parameters that the table knows */

/* Of p`at` + 1; 0 where the verb has no such parameter. */
static size_t limit_of(const lfcp_verb_entry *entry, size_t at, bool is_signed)
{
    if (at >= LIMITED) {
        return 0;
    }
    if (!is_signed) {
        return entry->limit[at];
    }
    return entry->secret && entry->limit[at] > 0 ? LFCP_SIGNED_MAX_FIELD : entry->signed_limit[at];
}

static bool is_sendable(lfcp_text text)
{
    size_t at = 0;
    while (at < text.length && lfcp_is_printable(text.at[at]) && text.at[at] != ',') {
        at++;
    }
    return at == text.length && text.length > 0;
}

static lfcp_status check_parameter(lfcp_text text, size_t limit)
{
    if (lfcp_same_text(text, UNUSED)) {
        return LFCP_OK;
    }
    if (limit == 0) {
        return LFCP_TOO_MANY_PARAMETERS;
    }
    return is_sendable(text) && text.length <= limit ? LFCP_OK : LFCP_BAD_PARAMETER;
}

static lfcp_status check(lfcp_text name, lfcp_verb verb, const lfcp_text *params, size_t count, bool is_signed)
{
    if (!lfcp_is_name(name)) {
        return LFCP_BAD_NAME;
    }
    if ((unsigned)verb >= LFCP_VERB_COUNT) {
        return LFCP_UNKNOWN_VERB;
    }
    if (count > (is_signed ? SIGNED_PARAMETERS : LFCP_PARAMETERS)) {
        return LFCP_TOO_MANY_PARAMETERS;
    }
    lfcp_status status = LFCP_OK;
    for (size_t at = 0; at < count && status == LFCP_OK; at++) {
        status = check_parameter(params[at], limit_of(lfcp_verb_entry_of(verb), at, is_signed));
    }
    return status;
}

static void write_fields(lfcp_writer *writer, lfcp_text name, lfcp_verb verb, const lfcp_text *params, size_t count,
                         size_t total)
{
    lfcp_put(writer, name);
    lfcp_put_word(writer, ",");
    lfcp_put_word(writer, lfcp_verb_entry_of(verb)->name);
    for (size_t at = 0; at < total; at++) {
        lfcp_put_word(writer, ",");
        lfcp_put(writer, at < count ? params[at] : lfcp_text_of(UNUSED));
    }
}

lfcp_status lfcp_encode(uint8_t *frame, size_t size, size_t *length, lfcp_text name, lfcp_verb verb,
                        const lfcp_text *params, size_t count)
{
    lfcp_status status = check(name, verb, params, count, false);
    if (status != LFCP_OK) {
        return status;
    }
    lfcp_writer writer = {(char *)frame, size, 0};
    write_fields(&writer, name, verb, params, count, LFCP_PARAMETERS);
    *length = writer.length;
    return writer.length > size ? LFCP_NO_SPACE : LFCP_OK;
}

lfcp_status lfcp_encode_signed(const lfcp_crypto *crypto, const uint8_t tag_key[LFCP_KEY], uint64_t counter,
                               uint8_t *frame, size_t size, size_t *length, lfcp_text name, lfcp_verb verb,
                               const lfcp_text *params, size_t count)
{
    lfcp_status status = check(name, verb, params, count, true);
    if (status != LFCP_OK) {
        return status;
    }
    if (counter == 0) {
        return LFCP_BAD_PARAMETER;
    }
    lfcp_writer writer = {(char *)frame, size, 0};
    write_fields(&writer, name, verb, params, count, SIGNED_PARAMETERS);
    lfcp_put_word(&writer, ",");
    lfcp_put_hex(&writer, counter);
    lfcp_put_word(&writer, ",");
    *length = writer.length + LFCP_TAG;
    if (*length > size) {
        return LFCP_NO_SPACE;
    }
    return lfcp_tag_of(crypto, tag_key, frame, writer.length, (char *)frame + writer.length);
}
