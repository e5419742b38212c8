/* See connect_error.h. */
#include "gateway/connect_error.h"

#include <google/protobuf/any.pb-c.h>
#include <string.h>

#include "gateway/call.h"
#include "json/base64.h"
#include "json/json_print.h"
#include "rpc/failure_details.h"

static const char *code_name(enum status code);
static void print_detail(struct json_text *text, const Google__Protobuf__Any *detail,
                         struct arena *arena);
static void print_debug(struct json_text *text, const Google__Protobuf__Any *detail,
                        struct arena *arena);

struct bytes connect_error_print(const struct failure *failure, struct arena *arena)
{
    struct failure_details details;
    struct json_text text;
    struct bytes out;
    failure_details_encode(failure, GATEWAY_ERROR_DOMAIN, &details);
    json_text_begin(&text, arena, false);
    json_text_open(&text, '{');
    json_text_key(&text, bytes_of_text("code"));
    json_text_string(&text, bytes_of_text(code_name(failure->code)));
    json_text_key(&text, bytes_of_text("message"));
    json_text_string(&text, bytes_of_text(failure->message));
    if (details.count > 0) {
        json_text_key(&text, bytes_of_text("details"));
        json_text_open(&text, '[');
        for (size_t i = 0; i < details.count; i++) {
            print_detail(&text, details.list[i], arena);
        }
        json_text_close(&text, ']');
    }
    json_text_close(&text, '}');
    return json_text_end(&text, &out) ? out : bytes_of_text("{\"code\":\"resource_exhausted\"}");
}

static void print_detail(struct json_text *text, const Google__Protobuf__Any *detail,
                         struct arena *arena)
{
    const char *slash = strrchr(detail->type_url, '/');
    size_t size = detail->value.len;
    char *base64 = arena_alloc(arena, BASE64_ENCODED_BYTES(size) + 1);
    size_t base64_size = base64 == NULL ? 0
                                        : base64_encode(bytes_of(detail->value.data, size),
                                                        BASE64_NO_PADDING, base64);
    json_text_open(text, '{');
    json_text_key(text, bytes_of_text("type"));
    json_text_string(text, bytes_of_text(slash == NULL ? detail->type_url : slash + 1));
    json_text_key(text, bytes_of_text("value"));
    json_text_string(text, bytes_of(base64, base64_size));
    print_debug(text, detail, arena);
    json_text_close(text, '}');
}

/* For people who look at the answer: the same as JSON. */
static void print_debug(struct json_text *text, const Google__Protobuf__Any *detail,
                        struct arena *arena)
{
    static const struct json_print_options OPTIONS = {.types = &call_detail_types};
    struct json_text scratch;
    struct bytes printed;
    json_text_begin(&scratch, arena, false);
    if (json_print_into(&detail->base, &OPTIONS, &scratch, NULL) == STATUS_OK &&
        json_text_end(&scratch, &printed)) {
        json_text_key(text, bytes_of_text("debug"));
        json_text_raw(text, (const char *)printed.data);
    }
}

static const char *code_name(enum status code)
{
    static const char *const NAMES[] = {"unknown",
                                        "canceled",
                                        "unknown",
                                        "invalid_argument",
                                        "deadline_exceeded",
                                        "not_found",
                                        "already_exists",
                                        "permission_denied",
                                        "resource_exhausted",
                                        "failed_precondition",
                                        "aborted",
                                        "out_of_range",
                                        "unimplemented",
                                        "internal",
                                        "unavailable",
                                        "data_loss",
                                        "unauthenticated"};
    return (size_t)code < sizeof NAMES / sizeof *NAMES ? NAMES[code] : NAMES[0];
}
