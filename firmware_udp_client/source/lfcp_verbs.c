#include "lfcp_internal.h"

static const lfcp_verb_entry entries[LFCP_VERB_COUNT] = {
#define ENTRY_OF(name, sender, command, secret, p1, p2, p3, p4, s1, s2, s3, s4) \
    {#name, sender, command, secret, {p1, p2, p3, p4}, {s1, s2, s3, s4}},
    LFCP_VERBS(ENTRY_OF)
#undef ENTRY_OF
};

const lfcp_verb_entry *lfcp_verb_entry_of(lfcp_verb verb)
{
    return &entries[verb];
}

bool lfcp_find_verb(lfcp_text text, lfcp_verb *verb)
{
    for (unsigned at = 0; at < LFCP_VERB_COUNT; at++) {
        if (lfcp_same_text(text, entries[at].name)) {
            *verb = (lfcp_verb)at;
            return true;
        }
    }
    return false;
}
