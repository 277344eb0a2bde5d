/* Checks for test programs: RUN calls a test, CHECK counts, and main ends with `return checked();`. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned checks_made, checks_failed;
static const char *check_test = "";
static const char *check_why = ""; /* of the vector, where a test goes through many */

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)

#define RUN(test) (check_test = #test, check_why = "", test())

static inline void check_that(bool holds, const char *condition, const char *file, int line)
{
    checks_made++;
    if (!holds) {
        checks_failed++;
        fprintf(stderr, "%s:%d: %s (%s): %s\n", file, line, check_test, check_why, condition);
    }
}

static inline bool are_same(const void *one, size_t one_length, const void *other, size_t other_length)
{
    return one_length == other_length && (one_length == 0 || memcmp(one, other, one_length) == 0);
}

/* The exit code. A program that checked nothing has failed. */
static inline int checked(void)
{
    printf("%u checks, %u failed\n", checks_made, checks_failed);
    return checks_made == 0 || checks_failed > 0;
}

#endif
