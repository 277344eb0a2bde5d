/* Bytes -> message, strictly. The order of the checks is the order in which docs/protocol.md lists the reasons: it
 * decides which of several deviations is named. */
#include <string.h>

#include "lfcp_internal.h"

typedef struct lfcp_fields {
    lfcp_text field[LFCP_FIELDS]; /* the first ones */
    size_t count;                 /* of all */
    bool empty_parameter;
} lfcp_fields;

static size_t without_line_ends(const uint8_t *frame, size_t length)
{
    while (length > 0 && (frame[length - 1] == '\r' || frame[length - 1] == '\n')) {
        length--;
    }
    return length;
}

static size_t without_end(const uint8_t *frame, size_t length)
{
    length = without_line_ends(frame, length);
    return length > 0 && frame[length - 1] == '\0' ? without_line_ends(frame, length - 1) : length;
}

static void keep(lfcp_fields *fields, const char *at, size_t length)
{
    if (fields->count < LFCP_FIELDS) {
        fields->field[fields->count].at = at;
        fields->field[fields->count].length = length;
    }
    fields->empty_parameter = fields->empty_parameter || (fields->count >= 2 && length == 0);
    fields->count++;
}

static void split(lfcp_fields *fields, const char *content, size_t length)
{
    fields->count = 0;
    fields->empty_parameter = false;
    size_t begin = 0;
    for (size_t at = 0; at < length; at++) {
        if (content[at] == ',') {
            keep(fields, content + begin, at - begin);
            begin = at + 1;
        }
    }
    keep(fields, content + begin, length - begin);
}

static lfcp_status check_shape(const lfcp_fields *fields)
{
    if (!lfcp_is_name(fields->field[0])) {
        return LFCP_BAD_NAME;
    }
    if (fields->count == 1) {
        return LFCP_BEACON;
    }
    if (fields->count < LFCP_FIELDS) {
        return LFCP_MISSING_FIELDS;
    }
    if (fields->empty_parameter) {
        return LFCP_DOUBLED_COMMAS;
    }
    return fields->count > LFCP_FIELDS ? LFCP_EXTRA_FIELDS : LFCP_OK;
}

static bool all_printable(lfcp_text field)
{
    size_t at = 0;
    while (at < field.length && lfcp_is_printable(field.at[at])) {
        at++;
    }
    return at == field.length;
}

static bool all_ascii(lfcp_text field)
{
    size_t at = 0;
    while (at < field.length && ((uint8_t)field.at[at] & 0x80) == 0) {
        at++;
    }
    return at == field.length;
}

static lfcp_status read_verb(lfcp_text field, lfcp_verb *verb)
{
    if (field.length == 0) {
        return LFCP_EMPTY_VERB;
    }
    if (field.length > LFCP_MAX_FIELD || !all_printable(field)) {
        return LFCP_BAD_VERB;
    }
    return lfcp_find_verb(field, verb) ? LFCP_OK : LFCP_UNKNOWN_VERB;
}

static lfcp_status check_parameter(lfcp_text field, size_t limit)
{
    if (!all_ascii(field)) {
        return LFCP_NON_ASCII_TEXT;
    }
    if (!all_printable(field)) {
        return LFCP_CONTROL_CHARACTERS;
    }
    return field.length > limit ? LFCP_LONG_FIELD : LFCP_OK;
}

static lfcp_status read_fields(const lfcp_fields *fields, size_t limit, lfcp_message *message)
{
    lfcp_status status = check_shape(fields);
    if (status == LFCP_OK) {
        status = read_verb(fields->field[1], &message->verb);
    }
    for (size_t at = 0; at < LFCP_PARAMETERS && status == LFCP_OK; at++) {
        message->params[at] = fields->field[at + 2];
        status = check_parameter(message->params[at], limit);
    }
    message->name = fields->field[0];
    return status;
}

static void read_signature(lfcp_message *message)
{
    lfcp_text tag = message->params[5];
    message->counter = 0;
    message->has_signature = tag.length == LFCP_TAG && lfcp_is_base64url(tag) &&
                             lfcp_read_counter(message->params[4], &message->counter);
}

/* A frame that would be signed but for a deviation is judged as unsigned, with the narrower limits. */
static bool read_signed(const lfcp_fields *fields, lfcp_message *message)
{
    if (message->content_length > LFCP_SIGNED_MAX_FRAME ||
        read_fields(fields, LFCP_SIGNED_MAX_FIELD, message) != LFCP_OK) {
        return false;
    }
    read_signature(message);
    return message->has_signature;
}

lfcp_status lfcp_decode(const uint8_t *frame, size_t length, lfcp_message *message)
{
    memset(message, 0, sizeof *message);
    message->content_length = without_end(frame, length);
    if (message->content_length == 0) {
        return LFCP_EMPTY;
    }
    lfcp_fields fields;
    split(&fields, (const char *)frame, message->content_length);
    if (read_signed(&fields, message)) {
        return LFCP_OK;
    }
    return message->content_length > LFCP_MAX_FRAME ? LFCP_TOO_LONG : read_fields(&fields, LFCP_MAX_FIELD, message);
}
