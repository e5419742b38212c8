/* See rest_error.h. */
#include "gateway/rest_error.h"

#include <stdio.h>

#include "gateway/call.h"
#include "json/json_print.h"
#include "rpc/failure_details.h"

#define NUMBER_TEXT_BYTES 12

struct bytes rest_error_print(const struct failure *failure, unsigned http_status,
                              struct arena *arena)
{
    static const struct json_print_options OPTIONS = {.types = &call_detail_types};
    struct failure_details details;
    struct json_text text;
    struct bytes out;
    char number[NUMBER_TEXT_BYTES];
    (void)snprintf(number, sizeof number, "%u", http_status);
    failure_details_encode(failure, GATEWAY_ERROR_DOMAIN, &details);
    json_text_begin(&text, arena, false);
    json_text_open(&text, '{');
    json_text_key(&text, bytes_of_text("error"));
    json_text_open(&text, '{');
    json_text_key(&text, bytes_of_text("code"));
    json_text_raw(&text, number);
    json_text_key(&text, bytes_of_text("message"));
    json_text_string(&text, bytes_of_text(failure->message));
    json_text_key(&text, bytes_of_text("status"));
    json_text_string(&text, bytes_of_text(status_name(failure->code)));
    json_text_key(&text, bytes_of_text("details"));
    json_text_open(&text, '[');
    for (size_t i = 0; i < details.count; i++) {
        /* Encoded a moment ago: it can fail by memory only, which the end says. */
        (void)json_print_into(&details.list[i]->base, &OPTIONS, &text, NULL);
    }
    json_text_close(&text, ']');
    json_text_close(&text, '}');
    json_text_close(&text, '}');
    return json_text_end(&text, &out) ? out
                                      : bytes_of_text("{\"error\":{\"code\":503,\"status\":"
                                                      "\"RESOURCE_EXHAUSTED\",\"message\":\"\"}}");
}
