/* Tunnel datagrams, HELLO and addresses: the golden ones, and what a stranger may try. */
#include "check.h"
#include "hex.h"
#include "lfcp_meeting_internal.h"
#include "vectors.h"

#define EACH(vector, table) (vector) = (table); (vector) < (table) + sizeof(table) / sizeof *(table); (vector)++
#define ROOM (LFCP_TUNNEL_MAX + 100)

static const lfcp_crypto *const crypto = &lfcp_crypto_mbedtls;
static uint8_t datagram[ROOM], wanted[ROOM];
static lfcp_said said;

static lfcp_tunnel tunnel_of(const char *key_text, uint64_t session, unsigned role)
{
    lfcp_tunnel tunnel;
    uint8_t key[LFCP_KEY];
    CHECK(lfcp_key_from_text(key_text, strlen(key_text), key) == LFCP_OK);
    CHECK(lfcp_tunnel_start(&tunnel, crypto, key, session, role) == LFCP_OK);
    return tunnel;
}

static bool is_key(const uint8_t key[LFCP_KEY], const char *text)
{
    uint8_t read[LFCP_KEY];
    return lfcp_key_from_text(text, strlen(text), read) == LFCP_OK && memcmp(key, read, LFCP_KEY) == 0;
}

static void each_side_has_a_key_of_its_own(void)
{
    const tunnel_key_vector *vector;
    for (EACH(vector, tunnel_key_vectors)) {
        check_why = vector->why;
        for (unsigned role = 0; role < 2; role++) {
            lfcp_tunnel tunnel = tunnel_of(vector->key, 1, role);
            CHECK(is_key(tunnel.seal_key, vector->tunnel_keys[role]));
            CHECK(is_key(tunnel.open_key, vector->tunnel_keys[1 - role]));
        }
    }
}

static void datagrams_are_sealed_as_they_are_written(void)
{
    const tunnel_vector *vector;
    for (EACH(vector, tunnel_vectors)) {
        check_why = vector->why;
        lfcp_tunnel tunnel = tunnel_of(vector->key, vector->session, vector->role);
        size_t body = from_hex(vector->body, datagram + LFCP_TUNNEL_HEAD), length = 0;
        tunnel.counter = vector->counter - 1;
        CHECK(lfcp_tunnel_seal(&tunnel, crypto, vector->kind, datagram, body, &length) == LFCP_OK);
        CHECK(are_same(datagram, length, wanted, from_hex(vector->datagram, wanted)));
        CHECK(lfcp_is_tunnel(datagram, length));
    }
}

static void datagrams_are_opened_once(void)
{
    const tunnel_vector *vector;
    for (EACH(vector, tunnel_vectors)) {
        check_why = vector->why;
        uint64_t session = 0;
        lfcp_tunnel tunnel = tunnel_of(vector->key, vector->session, 1 - vector->role);
        size_t length = from_hex(vector->datagram, datagram), body = from_hex(vector->body, wanted);
        CHECK(lfcp_tunnel_session(datagram, length, &session) && session == vector->session);
        CHECK(lfcp_tunnel_open(&tunnel, crypto, datagram, length, &said) == LFCP_OK);
        CHECK(said.kind == vector->kind && said.counter == vector->counter);
        CHECK(are_same(said.body, said.length, wanted, body));
        CHECK(lfcp_window_accept(&tunnel.window, said.counter) == LFCP_OK);
        CHECK(lfcp_window_accept(&tunnel.window, said.counter) == LFCP_REPLAYED);
    }
}

static void what_the_other_side_did_not_say_is_refused(void)
{
    const tunnel_vector *vector;
    for (EACH(vector, tunnel_refused_vectors)) {
        check_why = vector->why;
        lfcp_tunnel tunnel = tunnel_of(vector->key, vector->session, 1 - vector->role);
        size_t length = from_hex(vector->datagram, datagram);
        CHECK(lfcp_tunnel_open(&tunnel, crypto, datagram, length, &said) != LFCP_OK);
    }
}

static void every_flipped_bit_is_noticed(void)
{
    static const uint8_t key[LFCP_KEY] = {7};
    lfcp_tunnel ours, theirs;
    size_t length = 0;
    CHECK(lfcp_tunnel_start(&ours, crypto, key, 7, 0) == LFCP_OK);
    CHECK(lfcp_tunnel_start(&theirs, crypto, key, 7, 1) == LFCP_OK);
    memset(wanted, 'x', 20);
    memcpy(wanted + LFCP_TUNNEL_HEAD, "bytes", 5);
    CHECK(lfcp_tunnel_seal(&ours, crypto, LFCP_TUNNEL_DATA, wanted, 5, &length) == LFCP_OK);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        memcpy(datagram, wanted, length);
        datagram[bit / 8] = (uint8_t)(datagram[bit / 8] ^ 1U << bit % 8);
        CHECK(lfcp_tunnel_open(&theirs, crypto, datagram, length, &said) != LFCP_OK);
    }
    memcpy(datagram, wanted, length);
    CHECK(lfcp_tunnel_open(&ours, crypto, datagram, length, &said) == LFCP_BAD_SEAL); /* its own words */
    memcpy(datagram, wanted, length);
    CHECK(lfcp_tunnel_open(&theirs, crypto, datagram, length, &said) == LFCP_OK);
}

static void a_body_that_is_too_long_is_not_sealed(void)
{
    lfcp_tunnel tunnel = {.session = 7};
    size_t length = 0;
    CHECK(lfcp_tunnel_seal(&tunnel, crypto, LFCP_TUNNEL_DATA, datagram, LFCP_TUNNEL_BODY + 1, &length) ==
          LFCP_TOO_LONG);
    CHECK(tunnel.counter == 0);
}

static int left; /* calls of the crypto library that succeed */

static int hmac(void *context, const uint8_t *key, size_t key_length, const uint8_t *first, size_t first_length,
                const uint8_t *second, size_t second_length, uint8_t mac[32])
{
    return left-- <= 0
               ? -1
               : crypto->hmac_sha256(context, key, key_length, first, first_length, second, second_length, mac);
}

static int seal(void *context, const uint8_t key[32], const uint8_t nonce[12], const uint8_t *bound,
                size_t bound_length, const uint8_t *plain, size_t length, uint8_t *sealed)
{
    (void)context, (void)key, (void)nonce, (void)bound, (void)bound_length, (void)plain, (void)length, (void)sealed;
    return -1;
}

static void a_failure_of_the_crypto_library_is_told(void)
{
    static const uint8_t key[LFCP_KEY] = {7};
    const lfcp_crypto failing = {NULL, hmac, NULL, seal, NULL};
    lfcp_tunnel tunnel;
    size_t length;
    for (int calls = 0; calls < 4; calls++) {
        left = calls;
        CHECK(lfcp_tunnel_start(&tunnel, &failing, key, 7, 1) == LFCP_CRYPTO_FAILED);
    }
    CHECK(lfcp_tunnel_seal(&tunnel, &failing, LFCP_TUNNEL_BYE, datagram, 0, &length) == LFCP_CRYPTO_FAILED);
}

static lfcp_address address_of(const char *text)
{
    lfcp_address address = {.port = 0};
    CHECK(lfcp_address_read(lfcp_text_of(text), &address));
    return address;
}

static void hellos_are_read_or_refused(void)
{
    const hello_vector *vector;
    for (EACH(vector, hello_vectors)) {
        check_why = vector->why;
        lfcp_hello hello;
        bool good = lfcp_hello_read((lfcp_text){vector->text.at, vector->text.length}, &hello);
        CHECK(good == (vector->round != 0));
        if (!good || vector->round == 0) {
            continue;
        }
        CHECK(hello.round == vector->round && hello.attempt == vector->attempt && hello.mapping == vector->mapping);
        CHECK(hello.many_sockets == vector->many_sockets && hello.count == vector->count);
        for (unsigned at = 0; at < vector->count; at++) {
            lfcp_address address = address_of(vector->candidates[at].address);
            CHECK(hello.each[at].kind == vector->candidates[at].kind);
            CHECK(lfcp_address_same(&hello.each[at].at, &address));
        }
    }
}

static void what_is_no_hello_is_none(void)
{
    static const char *const texts[] = {"x 1 e -", "1 x e -", "1 1 e -  h192.168.1.7:1", "1 1 ee -", "1 1 e - h", " 1 e -"};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        check_why = texts[at];
        lfcp_hello hello;
        CHECK(!lfcp_hello_read(lfcp_text_of(texts[at]), &hello));
    }
}

static void candidates_are_tried_or_not(void)
{
    const candidate_vector *vector;
    for (EACH(vector, candidate_vectors)) {
        check_why = vector->why;
        lfcp_meeting meeting = {.about = {.other = address_of(vector->public_address)}};
        const lfcp_candidate candidate = {vector->candidate[0], address_of(vector->candidate + 1)};
        lfcp_attempts_begin(&meeting, 0);
        CHECK(lfcp_candidate_allowed(&meeting, &candidate) == vector->allowed);
    }
}

static void a_loopback_address_is_tried_where_this_side_is_seen_at_one_too(void)
{
    const lfcp_candidate candidate = {'p', address_of("127.0.0.1:5")};
    lfcp_meeting meeting = {.about = {.other = address_of("127.0.0.1:4")}};
    meeting.own[0] = (lfcp_own){.was_seen = true, .seen = address_of("[::1]:9")};
    lfcp_attempts_begin(&meeting, 0);
    CHECK(lfcp_candidate_allowed(&meeting, &candidate));
    meeting.own[0].seen = address_of("192.0.2.1:9");
    lfcp_attempts_begin(&meeting, 0);
    CHECK(!lfcp_candidate_allowed(&meeting, &candidate));
}

static void addresses_are_written_as_rfc_5952_wants_them(void)
{
    static const char *const texts[][2] = {
        {"192.0.2.1:4000", "192.0.2.1:4000"},
        {"[2001:db8::1]:1", "[2001:db8::1]:1"},
        {"[2001:DB8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},
        {"[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"},
        {"[1:0:0:2:0:0:0:3]:65535", "[1:0:0:2::3]:65535"},
        {"[::]:1", "[::]:1"},
        {"[1::]:1", "[1::]:1"},
        {"[0001:02:003::]:1", "[1:2:3::]:1"},
        {"[::ffff:c000:201]:1", "192.0.2.1:1"},
        {"[64:ff9b::192.0.2.1]:1", "[64:ff9b::c000:201]:1"},
        {"[1:2:3:4:5:6:192.0.2.1]:1", "[1:2:3:4:5:6:c000:201]:1"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    };
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        check_why = texts[at][0];
        char text[LFCP_ADDRESS_TEXT] = {0};
        lfcp_address address = address_of(texts[at][0]);
        CHECK(are_same(text, lfcp_address_write(&address, text), texts[at][1], strlen(texts[at][1])));
    }
}

static void what_is_no_address_is_none(void)
{
    static const char *const texts[] = {"", ":1", "[]:1", "[:1]:1", "[1:]:1", "[1:2:3:4:5:6:7:8:]:1", "[:::]:1",
                                        "[1::2::3]:1", "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1", "[12345::]:1",
                                        "[g::]:1", "[1::2:3:4:5:6:7:8]:1", "[::1", "[::1]", "[::1]1:1", "1.2.3.4",
                                        "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4.:1", "1.2.3:1", "1.2..4:1",
                                        "1.2.3.4.5:1", "[1.2.3.4]:1", "[::1.2.3.4:1]:1", "[1:2:3:4:5:6:7:1.2.3.4]:1",
                                        "1.2.3.4:1 ", "[fe80::1%1]:1",
                                        "[1234:1234:1234:1234:1234:1234:255.255.255.255]:1"};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        check_why = texts[at];
        lfcp_address address;
        bool is_one = lfcp_address_read(lfcp_text_of(texts[at]), &address);
        CHECK(is_one == (at == sizeof texts / sizeof *texts - 1)); /* the last one is the longest there is */
    }
}

static size_t hello_of(lfcp_meeting *meeting, char *text)
{
    size_t length = lfcp_hello_write(meeting, text);
    CHECK(length <= LFCP_MEETING_ROOM - LFCP_TUNNEL_HEAD - LFCP_TUNNEL_SEAL);
    return length;
}

static void the_longest_hello_fits_and_can_be_read(void)
{
    char text[LFCP_MEETING_ROOM];
    lfcp_hello hello;
    const lfcp_address far = address_of("[2222:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:60000");
    lfcp_meeting meeting = {.mapping = 's', .direction = 1, .attempt = 2, .round = 9999};
    meeting.own[1] = (lfcp_own){{far, far, far}, LFCP_MEETING_HOSTS, true, far};
    size_t length = hello_of(&meeting, text);
    CHECK(lfcp_hello_read((lfcp_text){text, length}, &hello));
    CHECK(hello.round == 9999 && hello.attempt == 2 && hello.count == LFCP_MAX_CANDIDATES);
}

static void a_hello_names_what_helps(void)
{
    char text[LFCP_MEETING_ROOM] = {0};
    static const char first[] = "1 1 s - g203.0.113.1:2 g203.0.113.1:1 h192.168.1.2:4 6[2001:db8::2]:4";
    static const char third[] = "1 3 s -";
    lfcp_meeting meeting = {.mapping = 's', .direction = -1, .attempt = 1, .round = 1};
    const lfcp_address private_host = address_of("192.168.1.2:4"), public_host = address_of("198.51.100.1:4");
    const lfcp_address global = address_of("[2001:db8::2]:4"), seen = address_of("203.0.113.1:3");
    meeting.own[0] = (lfcp_own){{private_host, public_host, global}, 3, true, seen};
    CHECK(are_same(text, hello_of(&meeting, text), first, sizeof first - 1));
    meeting.attempt = 3;
    CHECK(are_same(text, hello_of(&meeting, text), third, sizeof third - 1));
    meeting.attempt = 2;
    meeting.own[1] = (lfcp_own){.hosts = {address_of("127.0.0.1:1")}, .host_count = 1};
    CHECK(are_same(text, hello_of(&meeting, text), "1 2 s -", 7));
}

int main(void)
{
    RUN(each_side_has_a_key_of_its_own);
    RUN(datagrams_are_sealed_as_they_are_written);
    RUN(datagrams_are_opened_once);
    RUN(what_the_other_side_did_not_say_is_refused);
    RUN(every_flipped_bit_is_noticed);
    RUN(a_body_that_is_too_long_is_not_sealed);
    RUN(a_failure_of_the_crypto_library_is_told);
    RUN(hellos_are_read_or_refused);
    RUN(what_is_no_hello_is_none);
    RUN(candidates_are_tried_or_not);
    RUN(a_loopback_address_is_tried_where_this_side_is_seen_at_one_too);
    RUN(addresses_are_written_as_rfc_5952_wants_them);
    RUN(what_is_no_address_is_none);
    RUN(the_longest_hello_fits_and_can_be_read);
    RUN(a_hello_names_what_helps);
    return checked();
}
