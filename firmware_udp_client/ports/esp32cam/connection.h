// One HTTP exchange as a client, plain or over TLS. Certificates are checked against the bundle of the ESP-IDF.
#pragma once

#include <cstddef>
#include <cstdint>

#include "plain_c.h"

struct esp_tls;

class Connection {
public:
    Connection(const host_port &server, bool tls);
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;
    ~Connection();

    // False once anything failed.
    bool works() const { return works_; }
    void write(const void *bytes, size_t length);
    void write(const char *text);

    // The status of the answer; 0 if none came.
    int status();

private:
    esp_tls *tls_;
    bool works_;
};
