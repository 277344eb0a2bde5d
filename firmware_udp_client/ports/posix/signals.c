#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1};
static volatile sig_atomic_t end_asked;

static void on_signal(int number)
{
    const int error = errno;
    const char byte = 0;
    if (number != SIGCHLD) {
        end_asked = 1;
    }
    if (write(ends[1], &byte, 1) < 0) {
        /* full: then it wakes up anyway */
    }
    errno = error;
}

static bool catch(int number)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) == 0;
}

bool signals_open(void)
{
    if (pipe(ends) != 0) {
        return false;
    }
    for (int end = 0; end < 2; end++) {
        fcntl(ends[end], F_SETFL, O_NONBLOCK);
        fcntl(ends[end], F_SETFD, FD_CLOEXEC);
    }
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR && catch(SIGTERM) && catch(SIGINT) && catch(SIGCHLD);
}

int signals_descriptor(void)
{
    return ends[0];
}

void signals_drain(void)
{
    char bytes[64];
    while (read(ends[0], bytes, sizeof bytes) > 0) {
    }
}

bool signals_asked_for_the_end(void)
{
    return end_asked != 0;
}
