/* See order_filter.h. */
#include "client/cli/order_filter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json/timestamp.h"

#define STATE_PREFIX "STATE_"
#define STATES_MAX   16 /* named on one command line; there are seven */

static int fill_states(struct cli *cli, const char *text, Shop__V1__ListOrdersRequest *request);
static bool parse_state(const char *name, size_t size, Shop__V1__Order__State *state_out);
static int fill_time(struct cli *cli, const char *option, const char *text,
                     Google__Protobuf__Timestamp **time_out);
static bool parse_time(const struct clock *clock, const char *text,
                       Google__Protobuf__Timestamp *time);
static bool parse_ago(const struct clock *clock, const char *text,
                      Google__Protobuf__Timestamp *time);

int order_filter_fill(struct cli *cli, const struct order_filter_options *options,
                      Shop__V1__ListOrdersRequest *request)
{
    const struct {
        const char *option, *text;
        Google__Protobuf__Timestamp **time;
    } times[] = {
        {"created-from", options->created_from, &request->create_time_from},
        {"created-to", options->created_to, &request->create_time_to},
        {"placed-from", options->placed_from, &request->placed_time_from},
        {"placed-to", options->placed_to, &request->placed_time_to},
    };
    request->customer_id = cli_text(cli, options->customer);
    request->product_id = cli_text(cli, options->product);
    int code = fill_states(cli, options->states, request);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]) && code == CLI_OK; i++) {
        code = fill_time(cli, times[i].option, times[i].text, times[i].time);
    }
    return code;
}

static int fill_states(struct cli *cli, const char *text, Shop__V1__ListOrdersRequest *request)
{
    if (text == NULL) {
        return CLI_OK;
    }
    request->states = arena_calloc(&cli->arena, STATES_MAX, sizeof(request->states[0]));
    assert(request->states != NULL);
    for (const char *at = text;;) {
        size_t size = strcspn(at, ",");
        if (request->n_states == STATES_MAX ||
            !parse_state(at, size, &request->states[request->n_states])) {
            return cli_usage(cli,
                             "--state: '%.*s' is none of pending, confirmed, partially_fulfilled, "
                             "fulfilled, cancelled, expired, rejected",
                             (int)size, at);
        }
        request->n_states++;
        if (at[size] == '\0') {
            return CLI_OK;
        }
        at += size + 1;
    }
}

static bool parse_state(const char *name, size_t size, Shop__V1__Order__State *state_out)
{
    const ProtobufCEnumDescriptor *type = &shop__v1__order__state__descriptor;
    for (unsigned i = 1; i < type->n_values; i++) { /* 0 is no state */
        const char *known = type->values[i].name + strlen(STATE_PREFIX);
        if (strlen(known) == size && strncasecmp(known, name, size) == 0) {
            *state_out = (Shop__V1__Order__State)type->values[i].value;
            return true;
        }
    }
    return false;
}

static int fill_time(struct cli *cli, const char *option, const char *text,
                     Google__Protobuf__Timestamp **time_out)
{
    if (text == NULL) {
        return CLI_OK;
    }
    Google__Protobuf__Timestamp *time = arena_alloc(&cli->arena, sizeof(*time));
    assert(time != NULL);
    google__protobuf__timestamp__init(time);
    if (!parse_time(cli->environment->clock, text, time)) {
        return cli_usage(cli,
                         "--%s: '%s' is no time such as 2026-01-31T12:00:00Z, 2026-01-31 or 2h",
                         option, text);
    }
    *time_out = time;
    return CLI_OK;
}

static bool parse_time(const struct clock *clock, const char *text,
                       Google__Protobuf__Timestamp *time)
{
    char midnight[TIMESTAMP_TEXT_BYTES];
    snprintf(midnight, sizeof(midnight), "%sT00:00:00Z", text);
    return timestamp_parse_written(text, &time->seconds, &time->nanos) ||
           (strlen(text) == strlen("2026-01-31") &&
            timestamp_parse_written(midnight, &time->seconds, &time->nanos)) ||
           parse_ago(clock, text, time);
}

static bool parse_ago(const struct clock *clock, const char *text,
                      Google__Protobuf__Timestamp *time)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    long long number = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end[0] == units[i].unit && end[1] == '\0' &&
            number <= DURATION_SECONDS_MOST / 5000 / units[i].seconds) {
            int64_t now_us = clock_unix_us(clock);
            time->seconds = now_us / 1000000 - number * units[i].seconds;
            time->nanos = (int32_t)(now_us % 1000000) * 1000;
            return true;
        }
    }
    return false;
}
