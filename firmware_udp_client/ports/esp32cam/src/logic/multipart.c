#include "multipart.h"

#include <string.h>

#include "bounded_text.h"

static void put_disposition(bounded_text *out, const char *name)
{
    text_put(out, "--" MULTIPART_BOUNDARY "\r\nContent-Disposition: form-data; name=\"");
    text_put(out, name);
    text_put(out, "\"");
}

bool multipart_form(char *form, size_t size, const multipart_field *fields, size_t count, const char *file_field)
{
    bounded_text out;
    text_start(&out, form, size);
    for (size_t at = 0; at < count; at++) {
        if (strpbrk(fields[at].value, "\r\n") != NULL || strstr(fields[at].value, MULTIPART_BOUNDARY) != NULL) {
            return false;
        }
        put_disposition(&out, fields[at].name);
        text_put(&out, "\r\n\r\n");
        text_put(&out, fields[at].value);
        text_put(&out, "\r\n");
    }
    put_disposition(&out, file_field);
    text_put(&out, "; filename=\"picture.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n");
    return text_finish(&out);
}
