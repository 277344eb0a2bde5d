#include "control_page.h"

#include "bounded_text.h"

static void put_attribute(bounded_text *out, const char *name, const char *value)
{
    text_put(out, " ");
    text_put(out, name);
    text_put(out, "=\"");
    text_put_html(out, value);
    text_put(out, "\"");
}

static void put_number_attribute(bounded_text *out, const char *name, int64_t value)
{
    text_put(out, " ");
    text_put(out, name);
    text_put(out, "=\"");
    text_put_number(out, value);
    text_put(out, "\"");
}

static void put_number_input(bounded_text *out, const config *of, const config_field *field)
{
    text_put(out, " type=\"number\" required");
    put_number_attribute(out, "min", field->least);
    put_number_attribute(out, "max", field->greatest);
    put_number_attribute(out, "value", config_number_of(of, field));
}

static void put_text_input(bounded_text *out, const config *of, const config_field *field)
{
    const bool secret = field->kind == CONFIG_SECRET;
    const char *value = config_text_of(of, field);
    put_attribute(out, "type", secret ? "password" : "text");
    put_number_attribute(out, "maxlength", (int64_t)field->size - 1);
    if (secret) {
        put_attribute(out, "placeholder", value[0] == '\0' ? "none" : "kept; - takes it away");
        put_attribute(out, "autocomplete", "new-password");
    } else {
        put_attribute(out, "value", value);
    }
}

static void put_field(bounded_text *out, const config *of, const config_field *field)
{
    text_put(out, "<p><label>");
    text_put_html(out, field->label);
    text_put(out, "<br><input");
    put_attribute(out, "name", field->name);
    if (field->kind == CONFIG_TEXT || field->kind == CONFIG_SECRET) {
        put_text_input(out, of, field);
    } else {
        put_number_input(out, of, field);
    }
    text_put(out, "> <small>");
    text_put_html(out, field->wanted);
    text_put(out, "</small></label>\n");
}

bool control_page_write(char *page, size_t size, const config *of, const char *notice, const char *state)
{
    bounded_text out;
    text_start(&out, page, size);
    text_put(&out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    text_put_html(&out, of->name);
    text_put(&out, "</title><style>body{font:1em sans-serif;max-width:40em;margin:1em auto;padding:0 1em}"
                   "input{width:100%;box-sizing:border-box}</style><h1>");
    text_put_html(&out, of->name);
    text_put(&out, "</h1>\n<p><strong>");
    text_put_html(&out, notice);
    text_put(&out, "</strong><p>");
    text_put_html(&out, state);
    text_put(&out, "<p><a href=\"/capture\">A picture</a>; the stream is at port 81, /stream\n"
                   "<form method=\"post\" action=\"/\">\n");
    for (size_t at = 0; at < config_field_count; at++) {
        put_field(&out, of, &config_fields[at]);
    }
    text_put(&out, "<p><button>Keep and restart</button></form></html>\n");
    return text_finish(&out);
}
