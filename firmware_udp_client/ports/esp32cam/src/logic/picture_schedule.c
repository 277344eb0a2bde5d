#include "picture_schedule.h"

#define MOST_DOUBLINGS 6

void picture_schedule_set(picture_schedule *of, uint32_t interval_s)
{
    of->interval_s = interval_s;
}

static uint64_t wait_ms(const picture_schedule *of)
{
    const uint32_t doublings = of->failures < MOST_DOUBLINGS ? of->failures : MOST_DOUBLINGS;
    const uint64_t longest = of->interval_s > PICTURE_LONGEST_BACKOFF_S ? of->interval_s : PICTURE_LONGEST_BACKOFF_S;
    const uint64_t wait = (uint64_t)of->interval_s << doublings;
    return (wait < longest ? wait : longest) * 1000;
}

bool picture_schedule_is_due(const picture_schedule *of, uint64_t now)
{
    return of->interval_s != 0 && (!of->taken_one || now - of->last >= wait_ms(of));
}

void picture_schedule_began(picture_schedule *of, uint64_t now)
{
    of->taken_one = true;
    of->last = now;
}

bool picture_schedule_ended(picture_schedule *of, bool succeeded)
{
    const bool is_news = succeeded != (of->failures == 0);
    of->failures = succeeded ? 0 : of->failures + 1;
    return is_news;
}
