/* What happens, one event a line on stdout, for people and for tests. Text from the wire is escaped by the caller's
 * choice of words: fields of a frame are printable, see docs/protocol.md. */
#ifndef JOURNAL_H
#define JOURNAL_H

/* printf, a line end, and out at once. */
void journal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
