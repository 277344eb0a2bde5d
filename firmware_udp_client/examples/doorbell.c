/* The smallest device: a doorbell that rings with each line on stdin. LFCP/1, one server, nothing kept.
 *     lfcp-doorbell NAME ADDRESS PORT
 * It is what has to be written for a new system: a socket, a clock, some chance, and this loop. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lfcp_client.h"

static uint64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t some_bits(void *context)
{
    (void)context;
    return (uint32_t)random();
}

/* A device without memory: LFCP/1 can do without, LFCP/2 can not. */
static int nothing_kept(void *context, const char *key, uint8_t *data, size_t size)
{
    (void)context;
    (void)key;
    (void)data;
    (void)size;
    return 1;
}

static int keep_nothing(void *context, const char *key, const uint8_t *data, size_t size)
{
    (void)context;
    (void)key;
    (void)data;
    (void)size;
    return 0;
}

static void send_all(lfcp_client *client, int connection)
{
    uint8_t frame[LFCP_CLIENT_MAX_FRAME];
    size_t length = 0;
    unsigned server = 0;
    while (lfcp_client_poll(client, milliseconds(), frame, sizeof frame, &length, &server) == LFCP_OK && length > 0) {
        if (send(connection, frame, length, 0) < 0) {
            perror("send"); /* the client sends it again */
        }
    }
}

static void receive_one(lfcp_client *client, int connection)
{
    uint8_t frame[LFCP_LINE_BUFFER];
    lfcp_event event;
    const ssize_t length = recv(connection, frame, sizeof frame, 0);
    if (length > 0 && lfcp_client_receive(client, 0, frame, (size_t)length, milliseconds(), &event) == LFCP_OK &&
        event.kind == LFCP_EVENT_MESSAGE_STORED) {
        printf("the server has ring %u\n", (unsigned)event.number);
        fflush(stdout);
    }
}

static int wait_ms(const lfcp_client *client)
{
    uint64_t wakeup = 0;
    const uint64_t now = milliseconds();
    lfcp_client_next_wakeup_ms(client, &wakeup);
    return wakeup <= now ? 0 : (int)(wakeup - now);
}

static int connect_to(const char *address, const char *port)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    const int connection = socket(AF_INET, SOCK_DGRAM, 0);
    if (inet_pton(AF_INET, address, &server.sin_addr) != 1 ||
        connect(connection, (const struct sockaddr *)&server, sizeof server) != 0) {
        return -1;
    }
    return connection;
}

int main(int count, char **arguments)
{
    static lfcp_client client;
    const int connection = count == 4 ? connect_to(arguments[2], arguments[3]) : -1;
    const lfcp_config config = {
        .name = count == 4 ? arguments[1] : "",
        .servers = 1,
        .interval_s = 20,
        .detector_on = true,
        .storage = {NULL, nothing_kept, keep_nothing},
        .random = some_bits,
    };
    srandom((unsigned)time(NULL));
    if (connection < 0 || lfcp_client_start(&client, &config, (uint64_t)time(NULL), milliseconds()) != LFCP_OK) {
        fprintf(stderr, "usage: lfcp-doorbell NAME IPV4-ADDRESS PORT\n");
        return EXIT_FAILURE;
    }
    struct pollfd watched[2] = {{.fd = connection, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        send_all(&client, connection);
        poll(watched, 2, wait_ms(&client));
        if (watched[0].revents != 0) {
            receive_one(&client, connection);
        }
        if (watched[1].revents != 0) {
            char line[80];
            if (read(STDIN_FILENO, line, sizeof line) <= 0) {
                return EXIT_SUCCESS;
            }
            lfcp_client_queue(&client, LFCP_VERB_MOAL, "the doorbell", milliseconds());
        }
    }
}
