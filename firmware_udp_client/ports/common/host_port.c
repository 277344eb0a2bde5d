#include "host_port.h"

#include <string.h>

#include "bounded_text.h"

static bool is_host_character(char character, bool in_brackets)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '.' || character == '-' || character == '_' ||
           (in_brackets && (character == ':' || character == '%'));
}

static bool copy_host(const char *text, size_t length, bool in_brackets, host_port *address)
{
    for (size_t at = 0; at < length; at++) {
        if (!is_host_character(text[at], in_brackets)) {
            return false;
        }
    }
    return length > 0 && text_copy(address->host, sizeof address->host, text, length);
}

static bool read_port(const char *text, size_t length, host_port *address)
{
    uint32_t port = 0;
    if (length == 0) {
        return true;
    }
    if (text[0] != ':' || !text_to_number(text + 1, length - 1, 1, UINT16_MAX, &port)) {
        return false;
    }
    address->port = (uint16_t)port;
    return true;
}

bool host_port_read(const char *text, size_t length, host_port *address)
{
    *address = (host_port){.port = 0};
    if (length > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', length);
        return end != NULL && copy_host(text + 1, (size_t)(end - text) - 1, true, address) &&
               read_port(end + 1, length - (size_t)(end - text) - 1, address);
    }
    const char *colon = memchr(text, ':', length);
    const size_t host_length = colon == NULL ? length : (size_t)(colon - text);
    return copy_host(text, host_length, false, address) &&
           read_port(text + host_length, length - host_length, address);
}

const char *lfcp_server_address_read(const char *text, lfcp_server_address *server)
{
    if (text[0] < 'A' || text[0] > 'Z' || text[1] != '=') {
        return "it begins with the server's label, one letter from A to Z, and =";
    }
    server->label = text[0];
    if (!host_port_read(text + 2, strlen(text + 2), &server->at)) {
        return "after the label comes HOST:PORT, an IPv6 address in brackets";
    }
    return server->at.port == 0 ? "the port is missing; 8443 is usual" : NULL;
}
