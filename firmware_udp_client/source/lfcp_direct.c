#include "lfcp_direct.h"

#include <string.h>

#include "lfcp_client_internal.h"

static bool is_end(uint8_t byte)
{
    return byte == '\0' || byte == '\r' || byte == '\n';
}

/* `cam1,TLGS`, as it is written by hand, with the fields that are missing. 0: it does not fit. */
static size_t complete(const uint8_t *frame, size_t length, uint8_t whole[LFCP_MAX_FRAME])
{
    unsigned fields = 1;
    while (length > 0 && is_end(frame[length - 1])) {
        length--;
    }
    for (size_t at = 0; at < length; at++) {
        fields += frame[at] == ',';
    }
    lfcp_writer out = {(char *)whole, LFCP_MAX_FRAME, 0};
    lfcp_put(&out, (lfcp_text){(const char *)frame, length});
    for (; fields > 1 && fields < LFCP_FIELDS; fields++) {
        lfcp_put_word(&out, ",0");
    }
    return out.length <= LFCP_MAX_FRAME ? out.length : 0;
}

static void put_problem(char *problem, lfcp_verb verb, const char *fault)
{
    lfcp_writer out = {problem, LFCP_SEND_MAX_FIELD, 0};
    memset(problem, 0, LFCP_SEND_MAX_FIELD + 1);
    lfcp_put_word(&out, lfcp_verb_entry_of(verb)->name);
    lfcp_put_word(&out, " ");
    lfcp_put_word(&out, fault);
}

lfcp_direct_result lfcp_direct_receive(lfcp_client *client, unsigned server, const uint8_t *frame, size_t length,
                                       uint64_t now_ms, char problem[LFCP_SEND_MAX_FIELD + 1])
{
    uint8_t whole[LFCP_MAX_FRAME];
    lfcp_message message;
    if (lfcp_decode(whole, complete(frame, length, whole), &message) != LFCP_OK || message.has_signature ||
        !lfcp_same_text(message.name, client->config->name)) {
        return LFCP_DIRECT_NOTHING;
    }
    if (message.verb == LFCP_VERB_HEARTBEAT) {
        return LFCP_DIRECT_DONE;
    }
    if (!lfcp_verb_entry_of(message.verb)->command) {
        return LFCP_DIRECT_NOTHING;
    }
    lfcp_client_advance(client, now_ms);
    const char *fault = lfcp_commands_busy(client) ? "must wait: another command runs"
                                                   : lfcp_dispatch_directly(client, server, &message);
    if (fault != NULL) {
        put_problem(problem, message.verb, fault);
        return LFCP_DIRECT_FAILED;
    }
    return lfcp_dispatch_is_by_handler(message.verb) ? LFCP_DIRECT_BEGUN : LFCP_DIRECT_DONE;
}

bool lfcp_direct_runs(const lfcp_client *client)
{
    return client->running == LFCP_DIRECT;
}

lfcp_status lfcp_direct_answer(const lfcp_client *client, const char *problem, uint8_t *frame, size_t size,
                               size_t *length)
{
    char fit[LFCP_SEND_MAX_FIELD + 1];
    lfcp_text name = lfcp_text_of(client->config->name);
    if (problem == NULL) {
        return lfcp_encode(frame, size, length, name, LFCP_VERB_ACK, NULL, 0);
    }
    lfcp_make_fit(fit, problem);
    const lfcp_text text = lfcp_text_of(fit);
    return lfcp_encode(frame, size, length, name, LFCP_VERB_ERR, &text, 1);
}
