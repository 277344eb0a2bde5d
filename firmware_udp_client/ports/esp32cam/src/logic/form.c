#include "form.h"

#include <string.h>

#include "bounded_text.h"

void form_start(form *fields, char *body, size_t length)
{
    *fields = (form){.at = body, .left = length};
}

static bool unescape(char *at, size_t length)
{
    if (memchr(at, '\0', length) != NULL || !text_unescape(at, &length, true)) {
        return false;
    }
    at[length] = '\0';
    return true;
}

form_step form_next(form *fields, const char **name, const char **value)
{
    if (fields->left == 0) {
        return FORM_END;
    }
    char *field = fields->at;
    const char *ampersand = memchr(field, '&', fields->left);
    const size_t length = ampersand == NULL ? fields->left : (size_t)(ampersand - field);
    char *equals = memchr(field, '=', length);
    if (equals == NULL) {
        return FORM_BROKEN;
    }
    const size_t taken = ampersand == NULL ? length : length + 1;
    fields->at += taken;
    fields->left -= taken;
    *name = field;
    *value = equals + 1;
    const size_t name_length = (size_t)(equals - field);
    return unescape(equals + 1, length - name_length - 1) && unescape(field, name_length) ? FORM_FIELD : FORM_BROKEN;
}
