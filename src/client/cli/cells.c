/* See cells.h. */
#include "client/cli/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/money.h"
#include "json/timestamp.h"

static const char *keep(struct arena *arena, const char *text);

const char *cell_int(struct arena *arena, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, value);
    return keep(arena, text);
}

const char *cell_money(struct arena *arena, int64_t minor, const char *currency)
{
    char text[MONEY_TEXT_BYTES];
    money_print(minor, currency, text);
    return keep(arena, text);
}

const char *cell_time(struct arena *arena, const Google__Protobuf__Timestamp *time)
{
    if (time == NULL) {
        return "";
    }
    char text[TIMESTAMP_TEXT_BYTES];
    timestamp_print_short(time->seconds, text);
    return keep(arena, text);
}

const char *cell_ago(struct arena *arena, const Google__Protobuf__Timestamp *time,
                     int64_t now_unix_us)
{
    static const struct {
        int64_t below, seconds;
        const char *name;
    } units[] = {
        {60, 1, "s"}, {3600, 60, "min"}, {2 * 86400, 3600, "h"}, {31 * 86400, 86400, "days"}};
    if (time == NULL) {
        return "";
    }
    int64_t age = now_unix_us / 1000000 - time->seconds;
    int64_t far = age < 0 ? -age : age;
    char text[48];
    if (far < 2) {
        return "just now";
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (far < units[i].below) {
            snprintf(text, sizeof(text), "%s%" PRId64 " %s%s", age < 0 ? "in " : "",
                     far / units[i].seconds, units[i].name, age < 0 ? "" : " ago");
            return keep(arena, text);
        }
    }
    char date[TIMESTAMP_TEXT_BYTES];
    timestamp_print_short(time->seconds, date);
    snprintf(text, sizeof(text), "%.10s", date);
    return keep(arena, text);
}

const char *cell_enum(struct arena *arena, const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);
    if (known == NULL) {
        return cell_int(arena, value);
    }
    size_t common = strlen(known->name);
    for (unsigned i = 0; i < type->n_values; i++) {
        size_t same = 0;
        while (same < common && type->values[i].name[same] == known->name[same]) {
            same++;
        }
        common = type->values[i].value == value ? common : same;
    }
    while (common > 0 && known->name[common - 1] != '_') {
        common--;
    }
    return known->name + common;
}

static const char *keep(struct arena *arena, const char *text)
{
    const char *kept = arena_strdup(arena, text);
    return kept == NULL ? "?" : kept;
}
