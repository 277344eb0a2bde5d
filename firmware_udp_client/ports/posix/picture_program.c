#include "picture_program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT_RUN 127 /* as a shell says it */

static void put_secret(const char *name, const char *value)
{
    if (value[0] != '\0') {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

/* In the child. The environment and not the arguments: every user may read those of every process. */
static _Noreturn void become(const picture_program *program, const picture_secrets *secrets, const char *picture,
                             const char *reason, const char *text)
{
    setenv("LFCP_NAME", program->device, 1);
    setenv("LFCP_REASON", reason, 1);
    setenv("LFCP_TEXT", text, 1);
    put_secret("TELEGRAM_TOKEN", secrets->telegram_token);
    put_secret("TELEGRAM_CHAT", secrets->telegram_chat);
    put_secret("PRUSACONNECT_TOKEN", secrets->prusaconnect_token);
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is the journal's */
    close(STDIN_FILENO);                /* and stdin the console's */
    execl(program->path, program->path, picture, (char *)NULL);
    perror(program->path);
    _exit(CANNOT_RUN);
}

const char *picture_program_start(picture_program *program, const picture_secrets *secrets, const char *picture,
                                  const char *reason, const char *text, uint64_t now)
{
    if (program->path == NULL) {
        return "nowhere to send it: it was started without --on-picture";
    }
    if (program->child != 0) {
        return "another picture is on its way";
    }
    program->child = fork();
    if (program->child == 0) {
        become(program, secrets, picture, reason, text);
    }
    if (program->child < 0) {
        program->child = 0;
        return "the program cannot be started";
    }
    setpgid(program->child, program->child); /* here too: whoever comes first */
    program->deadline = now + PICTURE_PROGRAM_LIMIT_MS;
    program->killed = false;
    return NULL;
}

static const char *problem_of(const picture_program *program, int status)
{
    if (program->killed) {
        return "the program took too long";
    }
    if (!WIFEXITED(status)) {
        return "the program was killed";
    }
    if (WEXITSTATUS(status) == CANNOT_RUN) {
        return "the program cannot be run";
    }
    return WEXITSTATUS(status) == 0 ? NULL : "the program failed";
}

bool picture_program_ended(picture_program *program, uint64_t now, const char **problem)
{
    int status = 0;
    if (program->child == 0) {
        return false;
    }
    if (now >= program->deadline && !program->killed) {
        program->killed = kill(-program->child, SIGKILL) == 0;
    }
    if (waitpid(program->child, &status, WNOHANG) != program->child) {
        return false;
    }
    *problem = problem_of(program, status);
    program->child = 0;
    return true;
}

void picture_program_stop(picture_program *program)
{
    if (program->child != 0) {
        kill(-program->child, SIGKILL);
        while (waitpid(program->child, NULL, 0) < 0 && errno == EINTR) {
        }
        program->child = 0;
    }
}
