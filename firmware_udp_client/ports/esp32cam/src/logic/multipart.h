/* multipart/form-data (RFC 7578) around one picture that stays where it is: form, then the picture, then the tail. */
#ifndef LOGIC_MULTIPART_H
#define LOGIC_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_FORM_SIZE 640
/* Fixed, since no JPEG holds these 33 bytes by chance, and they are no secret. */
#define MULTIPART_BOUNDARY "lfcp-7c0f6ab1d94e4c3f9d2be58f31a6"
#define MULTIPART_TAIL "\r\n--" MULTIPART_BOUNDARY "--\r\n"

typedef struct multipart_field {
    const char *name;
    const char *value;
} multipart_field;

/* The fields, then the head of a part that holds picture.jpg under `file_field`. False if it does not fit, or if a value
 * would end its part: line breaks and the boundary are refused. */
bool multipart_form(char *form, size_t size, const multipart_field *fields, size_t count, const char *file_field);

#endif
