/* Texts of the document. See make_openapi.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/make_openapi.h"

static void unwrap(const char *comment, char out[OPENAPI_TEXT_BYTES]);

void openapi_text(struct openapi *openapi, const char *key, const char *value)
{
    json_text_key(&openapi->text, bytes_of_text(key));
    json_text_string(&openapi->text, bytes_of_text(value));
}

void openapi_number(struct openapi *openapi, const char *key, long long value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%lld", value);
    json_text_key(&openapi->text, bytes_of_text(key));
    json_text_raw(&openapi->text, digits);
}

void openapi_open(struct openapi *openapi, const char *key, char bracket)
{
    json_text_key(&openapi->text, bytes_of_text(key));
    json_text_open(&openapi->text, bracket);
}

void openapi_description(struct openapi *openapi, const char *comment)
{
    char text[OPENAPI_TEXT_BYTES];
    unwrap(comment, text);
    if (text[0] != '\0') {
        openapi_text(openapi, "description", text);
    }
}

void openapi_summary(struct openapi *openapi, const char *comment, const char *name)
{
    char text[OPENAPI_TEXT_BYTES];
    unwrap(comment, text);
    char *end = strstr(text, ". ");
    char *line = strchr(text, '\n');
    end = line != NULL && (end == NULL || line < end) ? line : end;
    if (end != NULL) {
        *end = '\0';
    }
    size_t size = strlen(text);
    if (size > 0 && text[size - 1] == '.') {
        text[size - 1] = '\0';
    }
    if (size == 0) { /* GetProduct: "Get product" */
        for (const char *at = name; *at != '\0' && size + 2 < sizeof text; at++) {
            bool is_word = at > name && isupper((unsigned char)*at);
            if (is_word) {
                text[size++] = ' ';
            }
            text[size++] = is_word ? (char)tolower((unsigned char)*at) : *at;
        }
        text[size] = '\0';
    }
    openapi_text(openapi, "summary", text);
}

/* Lines of a paragraph become one; an empty line parts paragraphs. */
static void unwrap(const char *comment, char out[OPENAPI_TEXT_BYTES])
{
    size_t used = 0;
    bool is_paragraph = false;
    for (const char *line = comment; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        size_t blanks = strspn(line, " ");
        size_t text_size = size > blanks ? size - blanks : 0;
        if (used + text_size + 3 > OPENAPI_TEXT_BYTES) {
            contracts_give_up("too long a comment", comment);
        }
        if (text_size > 0) {
            if (used > 0) {
                out[used++] = is_paragraph ? '\n' : ' ';
            }
            memcpy(out + used, line + blanks, text_size);
            used += text_size;
        }
        is_paragraph = text_size == 0;
        line += size + (line[size] == '\n');
    }
    out[used] = '\0';
}
