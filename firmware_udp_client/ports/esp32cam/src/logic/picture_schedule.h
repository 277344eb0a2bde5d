/* When the next automatic picture is due. One that fails is tried again later and later, not at once: what does not
 * answer now is not helped by more. */
#ifndef LOGIC_PICTURE_SCHEDULE_H
#define LOGIC_PICTURE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define PICTURE_LONGEST_BACKOFF_S 600 /* unless the interval is longer */

typedef struct picture_schedule {
    uint32_t interval_s; /* 0: no automatic pictures */
    uint32_t failures;   /* in a row */
    uint64_t last;       /* the start of the last one */
    bool taken_one;
} picture_schedule;

/* Call it with what is set now; a change counts from the last picture on. interval_s 0 stops it. */
void picture_schedule_set(picture_schedule *of, uint32_t interval_s);

bool picture_schedule_is_due(const picture_schedule *of, uint64_t now);

void picture_schedule_began(picture_schedule *of, uint64_t now);

/* True if this is news: the first failure, or the first success after one. */
bool picture_schedule_ended(picture_schedule *of, bool succeeded);

#endif
