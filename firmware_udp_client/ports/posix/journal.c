#include "journal.h"

#include <stdarg.h>
#include <stdio.h>

void journal(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    fflush(stdout);
}
