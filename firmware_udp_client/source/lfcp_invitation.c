/* PNCH, read strictly. */
#include <string.h>

#include "lfcp_meeting_internal.h"

#define OTHER 2 /* p3 */
#define TERMS 3 /* p4 */
#define DEVICE_ROLE "1"
#define PORT_DIGITS 5
#define DELAY_DIGITS 5

static bool read_other(lfcp_text text, lfcp_invitation *about)
{
    lfcp_text address = lfcp_cut(&text, '/');
    if (text.length != 1 || !lfcp_is_mapping(text.at[0]) || !lfcp_address_read(address, &about->other)) {
        return false;
    }
    about->mapping = text.at[0];
    return true;
}

static bool read_number(lfcp_text text, size_t digits, uint16_t *number)
{
    uint64_t read;
    bool good = text.length > 0 && lfcp_read_decimal(text, digits, &read) && read <= UINT16_MAX;
    *number = good ? (uint16_t)read : 0;
    return good;
}

/* Letters that are not known are somebody else's. */
static bool read_options(lfcp_text text, bool *birthday)
{
    *birthday = false;
    for (size_t at = 0; at < text.length; at++) {
        *birthday = *birthday || text.at[at] == 'b';
        if (text.at[at] < 'a' || text.at[at] > 'z') {
            return lfcp_same_text(text, "-");
        }
    }
    return text.length > 0;
}

/* role "." port "." options "." delay "." name */
static bool read_terms(lfcp_text text, lfcp_invitation *about)
{
    if (!lfcp_same_text(lfcp_cut(&text, '.'), DEVICE_ROLE) ||
        !read_number(lfcp_cut(&text, '.'), PORT_DIGITS, &about->port) ||
        !read_options(lfcp_cut(&text, '.'), &about->birthday) ||
        !read_number(lfcp_cut(&text, '.'), DELAY_DIGITS, &about->delay_ms) || !lfcp_is_name(text)) {
        return false;
    }
    memcpy(about->name, text.at, text.length);
    about->name[text.length] = '\0';
    return true;
}

bool lfcp_invitation_read(const lfcp_message *message, lfcp_invitation *about)
{
    return lfcp_read_counter(message->params[0], &about->session) && read_other(message->params[OTHER], about) &&
           read_terms(message->params[TERMS], about);
}

bool lfcp_invitation_key(const lfcp_config *config, unsigned server, const lfcp_message *message,
                         uint8_t key[LFCP_KEY])
{
    uint8_t seal_key[LFCP_KEY];
    char text[LFCP_BASE64URL_TEXT(LFCP_KEY)];
    size_t length = 0;
    lfcp_status status =
        lfcp_derive(config->crypto, config->key, LFCP_PURPOSE_SEAL, LFCP_WAY_DOWN, config->labels[server], seal_key);
    if (status == LFCP_OK) {
        status = lfcp_unseal(config->crypto, seal_key, message->counter, message->name, message->verb, 2,
                             message->params[1], text, sizeof text, &length);
    }
    if (status == LFCP_OK) {
        status = lfcp_key_from_text(text, length, key);
    }
    lfcp_wipe(seal_key, sizeof seal_key);
    lfcp_wipe(text, sizeof text);
    return status == LFCP_OK;
}
