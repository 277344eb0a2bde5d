/* application/x-www-form-urlencoded (URL Standard section 5.1), field by field, in the caller's buffer. */
#ifndef LOGIC_FORM_H
#define LOGIC_FORM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct form {
    char *at;
    size_t left;
} form;

typedef enum form_step { FORM_FIELD, FORM_END, FORM_BROKEN } form_step;

/* The next field, unescaped and NUL-terminated within the buffer. length: the form's; the buffer has one byte more. */
void form_start(form *fields, char *body, size_t length);
form_step form_next(form *fields, const char **name, const char **value);

#endif
