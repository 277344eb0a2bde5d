#include "connection.h"

#include <esp_crt_bundle.h>
#include <esp_tls.h>

#include <algorithm>
#include <cstring>

namespace {

constexpr int limit_ms = 15000;    // for connecting, and for each write and read
constexpr size_t piece = 4096;     // of a picture; a TLS record of 16 KB does not fit beside one

}  // namespace

Connection::Connection(const host_port &server, bool tls) : tls_(esp_tls_init()), works_(tls_ != nullptr)
{
    esp_tls_cfg_t settings = {};
    settings.timeout_ms = limit_ms;
    settings.is_plain_tcp = !tls;
    settings.crt_bundle_attach = tls ? esp_crt_bundle_attach : nullptr;
    const int length = static_cast<int>(std::strlen(server.host));
    works_ = works_ && esp_tls_conn_new_sync(server.host, length, server.port, &settings, tls_) == 1;
}

Connection::~Connection()
{
    if (tls_ != nullptr) {
        esp_tls_conn_destroy(tls_);
    }
}

void Connection::write(const void *bytes, size_t length)
{
    const auto *next = static_cast<const uint8_t *>(bytes);
    while (works_ && length > 0) {
        const ssize_t sent = esp_tls_conn_write(tls_, next, std::min(length, piece));
        if (sent <= 0) {
            works_ = false;
            return;
        }
        next += sent;
        length -= static_cast<size_t>(sent);
    }
}

void Connection::write(const char *text)
{
    write(text, std::strlen(text));
}

int Connection::status()
{
    http_answer answer = {};
    uint8_t bytes[256];
    while (works_ && answer.status == 0) {
        const ssize_t got = esp_tls_conn_read(tls_, bytes, sizeof bytes);
        if (got <= 0) {
            works_ = false;
        } else {
            http_answer_feed(&answer, bytes, static_cast<size_t>(got));
        }
    }
    return answer.status > 0 ? answer.status : 0;
}
