/* One picture on its way to one server: asked for what it has, gone on with where it broke, tried again, given up. */
#include "lfcp_upload.h"

#include <string.h>

#include "lfcp_client_internal.h"

#define SPREAD_PERCENT 10 /* each wait is up to this much longer, so that a fleet does not come again in step */
#define NUMBER_DIGITS 8   /* of an own id */
#define PLACE_DIGITS 8    /* of an offset */
#define SPAN 24           /* bytes that an offset and a total take */

static const char hex_digits[] = "0123456789abcdef";

static const char *const triggers[] = {
#define WORD_OF(name, word) word,
    LFCP_TRIGGERS(WORD_OF)
#undef WORD_OF
};

static bool is_hex(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
}

/* A command's id, or boot id "." number. */
static bool is_upload_id(lfcp_text text)
{
    char label;
    uint64_t number;
    size_t boot = 0;
    if (lfcp_read_command_id(text, &label, &number)) {
        return true;
    }
    while (boot < text.length && is_hex(text.at[boot])) {
        boot++;
    }
    if (boot == 0 || boot > LFCP_COUNTER_DIGITS || boot == text.length || text.at[boot] != '.') {
        return false;
    }
    const lfcp_text rest = {text.at + boot + 1, text.length - boot - 1};
    return rest.length <= NUMBER_DIGITS && lfcp_read_counter(rest, &number);
}

static bool read_answer(const lfcp_message *message, lfcp_answer *answer)
{
    const lfcp_text result = message->params[1], detail = message->params[2];
    uint64_t offset = 0;
    if (result.length != 1 || result.at[0] < '0' || result.at[0] > '3' || !is_upload_id(message->params[3])) {
        return false;
    }
    answer->upload = message->params[3];
    answer->result = (uint8_t)(result.at[0] - '0');
    answer->reason = detail;
    if (answer->result == LFCP_UPLOAD_GO_ON && !lfcp_read_decimal(detail, PLACE_DIGITS, &offset)) {
        return false;
    }
    answer->offset = (uint32_t)offset;
    return true;
}

bool lfcp_upload_receive_ack(const lfcp_client *client, const lfcp_message *message, uint64_t answers,
                             lfcp_event *event)
{
    if (!read_answer(message, &event->answer)) {
        return false;
    }
    if (!lfcp_signs(client) || lfcp_counter_is_ours(client, answers)) {
        event->kind = LFCP_EVENT_PICTURE_ANSWERED;
    }
    return true;
}

static void put_digest(char digest[LFCP_PICTURE_DIGEST + 1], const uint8_t hash[LFCP_MAC])
{
    for (size_t at = 0; at < LFCP_PICTURE_DIGEST / 2; at++) {
        digest[2 * at] = hex_digits[hash[at] >> 4];
        digest[2 * at + 1] = hex_digits[hash[at] & 15];
    }
    digest[LFCP_PICTURE_DIGEST] = '\0';
}

static void put_own_id(char id[LFCP_UPLOAD_ID + 1], lfcp_client *client)
{
    lfcp_writer writer = {id, LFCP_UPLOAD_ID, 0};
    lfcp_put_hex(&writer, client->boot_id);
    lfcp_put_word(&writer, ".");
    lfcp_put_hex(&writer, ++client->pictures);
    id[writer.length] = '\0';
}

lfcp_status lfcp_picture_name(lfcp_picture *picture, lfcp_client *client, const uint8_t *bytes, size_t length,
                              lfcp_trigger trigger, const char *id)
{
    const lfcp_crypto *crypto = client->config->crypto;
    uint8_t hash[LFCP_MAC];
    if (length == 0 || length > LFCP_MAX_PICTURE || (unsigned)trigger >= LFCP_TRIGGER_COUNT || crypto == NULL ||
        (id != NULL && !is_upload_id(lfcp_text_of(id)))) {
        return LFCP_INVALID;
    }
    if (crypto->sha256(crypto->context, bytes, length, hash) != 0) {
        return LFCP_CRYPTO_FAILED;
    }
    *picture = (lfcp_picture){.bytes = bytes, .length = (uint32_t)length, .trigger = trigger};
    put_digest(picture->digest, hash);
    if (id != NULL) {
        memcpy(picture->id, id, strlen(id));
    } else {
        put_own_id(picture->id, client);
    }
    return LFCP_OK;
}

static bool is_live(const lfcp_upload *upload)
{
    return upload->picture->trigger == LFCP_TRIGGER_LIVE;
}

void lfcp_upload_begin(lfcp_upload *upload, const lfcp_picture *picture, unsigned server)
{
    *upload = (lfcp_upload){.picture = picture, .server = (uint8_t)server, .state = LFCP_UPLOAD_WAITS};
    upload->offset = is_live(upload) ? 0 : picture->length;
}

static lfcp_status encode(const lfcp_upload *upload, lfcp_client *client, const lfcp_outgoing *out)
{
    const lfcp_picture *picture = upload->picture;
    char text[SPAN];
    lfcp_writer span = {text, sizeof text, 0};
    lfcp_put_decimal(&span, upload->offset);
    lfcp_put_word(&span, ":");
    lfcp_put_decimal(&span, picture->length);
    const lfcp_text params[] = {lfcp_text_of(picture->id), {span.at, span.length}, lfcp_text_of(picture->digest),
                                lfcp_text_of(triggers[picture->trigger])};
    return lfcp_client_encode(client, upload->server, LFCP_VERB_FRAM, params, 4, out);
}

lfcp_status lfcp_upload_poll(lfcp_upload *upload, lfcp_client *client, uint64_t now_ms, uint8_t *line, size_t size,
                             size_t *length)
{
    *length = 0;
    if (size < LFCP_UPLOAD_MAX_LINE) {
        return LFCP_NO_SPACE;
    }
    if (upload->state != LFCP_UPLOAD_WAITS || now_ms < upload->due) {
        return LFCP_OK;
    }
    const lfcp_outgoing out = {line, size - 1, length};
    const lfcp_status status = encode(upload, client, &out);
    if (status != LFCP_OK) {
        *length = 0;
        upload->due = now_ms + LFCP_HEARTBEAT_AGAIN_MS;
        return status;
    }
    line[(*length)++] = '\n';
    upload->state = LFCP_UPLOAD_UNDER_WAY;
    client->servers[upload->server].picture = client->counter;
    return LFCP_OK;
}

uint64_t lfcp_upload_wakeup_ms(const lfcp_upload *upload)
{
    return upload->state == LFCP_UPLOAD_WAITS ? upload->due : LFCP_NEVER;
}

static void try_again(lfcp_upload *upload, lfcp_client *client, uint64_t now_ms)
{
    if (is_live(upload) || ++upload->tries >= LFCP_UPLOAD_TRIES) {
        upload->state = LFCP_UPLOAD_GIVEN_UP;
        return;
    }
    const uint32_t wait = (uint32_t)LFCP_UPLOAD_AGAIN_MS << (upload->tries - 1);
    upload->state = LFCP_UPLOAD_WAITS;
    upload->offset = upload->picture->length;
    upload->due = now_ms + wait + lfcp_client_part(client, wait * SPREAD_PERCENT / 100);
}

/* An offset instead of an end, after a part was sent, is a try in vain; so is one that cannot be. */
static void go_on(lfcp_upload *upload, lfcp_client *client, uint32_t offset, uint64_t now_ms)
{
    const uint32_t total = upload->picture->length;
    const bool had_asked = upload->offset == total;
    if (offset > upload->most) {
        upload->most = offset;
        upload->tries = 0;
    }
    if (!had_asked || offset >= total) {
        try_again(upload, client, now_ms);
        return;
    }
    upload->offset = offset;
    upload->due = now_ms;
    upload->state = LFCP_UPLOAD_WAITS;
}

bool lfcp_upload_answered(lfcp_upload *upload, lfcp_client *client, const lfcp_answer *answer, uint64_t now_ms)
{
    if (upload->state != LFCP_UPLOAD_UNDER_WAY || !lfcp_same_text(answer->upload, upload->picture->id)) {
        return false;
    }
    if (answer->result == LFCP_UPLOAD_GO_ON) {
        go_on(upload, client, answer->offset, now_ms);
    } else if (answer->result == LFCP_UPLOAD_LATER) {
        try_again(upload, client, now_ms);
    } else {
        upload->state = answer->result == LFCP_UPLOAD_STORED ? LFCP_UPLOAD_ARRIVED : LFCP_UPLOAD_REFUSED;
    }
    return true;
}

void lfcp_upload_broke(lfcp_upload *upload, lfcp_client *client, uint64_t now_ms)
{
    if (upload->state == LFCP_UPLOAD_UNDER_WAY) {
        try_again(upload, client, now_ms);
    }
}

bool lfcp_upload_is_open(const lfcp_upload *upload)
{
    return upload->state == LFCP_UPLOAD_WAITS || upload->state == LFCP_UPLOAD_UNDER_WAY;
}
