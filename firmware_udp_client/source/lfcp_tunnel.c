#include "lfcp_tunnel.h"

#include <string.h>

#include "lfcp_client_internal.h"

#define FIRST_KIND 0x80 /* no name of a device begins so: tunnel datagrams and frames share a socket */
#define SESSION_AT 1
#define COUNTER_AT 9
#define NONCE 12

bool lfcp_is_tunnel(const uint8_t *datagram, size_t length)
{
    return length > 0 && datagram[0] >= FIRST_KIND;
}

bool lfcp_tunnel_session(const uint8_t *datagram, size_t length, uint64_t *session)
{
    if (length < LFCP_TUNNEL_HEAD + LFCP_TUNNEL_SEAL || length > LFCP_TUNNEL_MAX || datagram[0] < LFCP_TUNNEL_DATA ||
        datagram[0] > LFCP_TUNNEL_BYE) {
        return false;
    }
    *session = lfcp_get_big_endian(datagram + SESSION_AT, 8);
    uint64_t counter = lfcp_get_big_endian(datagram + COUNTER_AT, 8);
    return counter != 0 && counter <= INT64_MAX;
}

static lfcp_status derive(const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY], unsigned role,
                          uint8_t sub_key[LFCP_KEY])
{
    return lfcp_hkdf(crypto, key, lfcp_text_of(role == 0 ? "LFCP2,tunnel,0" : "LFCP2,tunnel,1"), sub_key);
}

lfcp_status lfcp_tunnel_start(lfcp_tunnel *tunnel, const lfcp_crypto *crypto, const uint8_t key[LFCP_KEY],
                              uint64_t session, unsigned role)
{
    tunnel->session = session;
    tunnel->counter = 0;
    lfcp_window_open(&tunnel->window, 0);
    lfcp_status status = derive(crypto, key, role, tunnel->seal_key);
    return status == LFCP_OK ? derive(crypto, key, 1 - role, tunnel->open_key) : status;
}

static void put_nonce(uint8_t nonce[NONCE], uint64_t counter)
{
    memset(nonce, 0, NONCE - 8);
    lfcp_put_big_endian(nonce + NONCE - 8, counter, 8);
}

lfcp_status lfcp_tunnel_seal(lfcp_tunnel *tunnel, const lfcp_crypto *crypto, uint8_t kind, uint8_t *datagram,
                             size_t body_length, size_t *length)
{
    uint8_t nonce[NONCE];
    uint8_t *body = datagram + LFCP_TUNNEL_HEAD;
    if (body_length > LFCP_TUNNEL_BODY) {
        return LFCP_TOO_LONG;
    }
    tunnel->counter++;
    datagram[0] = kind;
    lfcp_put_big_endian(datagram + SESSION_AT, tunnel->session, 8);
    lfcp_put_big_endian(datagram + COUNTER_AT, tunnel->counter, 8);
    put_nonce(nonce, tunnel->counter);
    *length = LFCP_TUNNEL_HEAD + body_length + LFCP_TUNNEL_SEAL;
    return crypto->seal(crypto->context, tunnel->seal_key, nonce, datagram, LFCP_TUNNEL_HEAD, body, body_length, body)
               ? LFCP_CRYPTO_FAILED
               : LFCP_OK;
}

lfcp_status lfcp_tunnel_open(const lfcp_tunnel *tunnel, const lfcp_crypto *crypto, uint8_t *datagram, size_t length,
                             lfcp_said *said)
{
    uint8_t nonce[NONCE];
    uint64_t session;
    uint8_t *body = datagram + LFCP_TUNNEL_HEAD;
    if (!lfcp_tunnel_session(datagram, length, &session) || session != tunnel->session) {
        return LFCP_NOT_FOR_ME;
    }
    said->kind = datagram[0];
    said->counter = lfcp_get_big_endian(datagram + COUNTER_AT, 8);
    said->body = body;
    said->length = length - LFCP_TUNNEL_HEAD - LFCP_TUNNEL_SEAL;
    put_nonce(nonce, said->counter);
    return crypto->unseal(crypto->context, tunnel->open_key, nonce, datagram, LFCP_TUNNEL_HEAD, body,
                          length - LFCP_TUNNEL_HEAD, body)
               ? LFCP_BAD_SEAL
               : LFCP_OK;
}
