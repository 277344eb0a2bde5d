/* The library's crypto for the Arduino core: its mbedTLS is built without ChaCha20-Poly1305, which is taken from
 * libsodium instead. Hashes stay with mbedTLS, whose hardware some builds of libsodium do not get along with. */
#ifndef LOGIC_CRYPTO_ESP32_H
#define LOGIC_CRYPTO_ESP32_H

#include "lfcp_crypto.h"

extern const lfcp_crypto lfcp_crypto_esp32;

#endif
