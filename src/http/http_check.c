/* See http_check.h. */
#include "http/http_check.h"

#include <strings.h>

#define VERB_BYTES_MAX 16

static bool is_token(struct bytes text);
static bool is_target(struct bytes target);
static bool is_value(struct bytes value);
static bool is_named(const struct http_header *header, const char *name);
static size_t count_of(const struct http_head *head, const char *name);
static const char *check_framing(const struct http_head *head);

const char *http_check(const struct http_head *head)
{
    /* What a request may say once only: who is asked, how it is framed, who asks, what it holds. */
    static const char *const ONCE[] = {"Host",          "Content-Length", "Transfer-Encoding",
                                       "Authorization", "Content-Type",   "Content-Encoding",
                                       "X-Api-Key",     "Idempotency-Key"};
    struct bytes verb = bytes_of_text(head->verb);
    if (verb.size > VERB_BYTES_MAX || !is_token(verb)) {
        return "the method is malformed";
    }
    if (!is_target(head->target)) {
        return "the path is malformed";
    }
    for (size_t i = 0; i < head->header_count; i++) {
        if (!is_token(head->headers[i].name)) {
            return "a header's name is malformed";
        }
        if (!is_value(head->headers[i].value)) {
            return "a header's value is malformed";
        }
    }
    for (size_t i = 0; i < sizeof ONCE / sizeof *ONCE; i++) {
        if (count_of(head, ONCE[i]) > 1) {
            return "a header is there twice";
        }
    }
    return check_framing(head);
}

static const char *check_framing(const struct http_head *head)
{
    bool is_1_1 = strcmp(head->version, "HTTP/1.1") == 0;
    if (!is_1_1 && strcmp(head->version, "HTTP/1.0") != 0) {
        return "HTTP/1.1 is expected";
    }
    if (is_1_1 && count_of(head, "Host") != 1) {
        return "a Host is expected";
    }
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        if (is_named(header, "Transfer-Encoding")) {
            bool is_chunked = header->value.size == 7 &&
                              strncasecmp((const char *)header->value.data, "chunked", 7) == 0;
            if (!is_1_1 || !is_chunked || count_of(head, "Content-Length") > 0) {
                return "the body's framing is ambiguous";
            }
        }
        if (is_named(header, "Content-Length")) {
            for (size_t j = 0; j < header->value.size; j++) {
                if (header->value.data[j] < '0' || header->value.data[j] > '9') {
                    return "the Content-Length is malformed";
                }
            }
        }
    }
    return NULL;
}

static size_t count_of(const struct http_head *head, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        count += is_named(&head->headers[i], name);
    }
    return count;
}

static bool is_named(const struct http_header *header, const char *name)
{
    return header->name.size == strlen(name) &&
           strncasecmp((const char *)header->name.data, name, header->name.size) == 0;
}

static bool is_token(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.size > 0;
}

/* A path and a query, of what a URL may hold. */
static bool is_target(struct bytes target)
{
    for (size_t i = 0; i < target.size; i++) {
        if (target.data[i] <= 0x20 || target.data[i] >= 0x7F || target.data[i] == '#') {
            return false;
        }
    }
    return target.size > 0 && target.data[0] == '/';
}

static bool is_value(struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7F) {
            return false;
        }
    }
    return true;
}
