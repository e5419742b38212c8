/* See config.h. */
#include "base/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum status set_value(const struct config_entry *entry, void *values, const char *text,
                             const char *from, struct failure *failure);
static enum status set_from_argument(const struct config_entry *table, size_t count, void *values,
                                     const char *argument, struct failure *failure);

enum status config_load(const struct config_entry *table, size_t count, void *values, int argc,
                        char *const *argv, struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = getenv(table[i].environment);
        bool given = text != NULL && text[0] != '\0';
        enum status status = set_value(&table[i], values, given ? text : table[i].fallback,
                                       given ? table[i].environment : "the default", failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    for (int i = 1; i < argc; i++) {
        enum status status = set_from_argument(table, count, values, argv[i], failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status set_from_argument(const struct config_entry *table, size_t count, void *values,
                                     const char *argument, struct failure *failure)
{
    const char *equals = strchr(argument, '=');
    if (strncmp(argument, "--", 2) != 0 || equals == NULL) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                           "'%s' is not understood: settings are --key=value, --help lists them",
                           argument);
    }
    size_t size = (size_t)(equals - argument) - 2;
    for (size_t i = 0; i < count; i++) {
        if (strlen(table[i].key) == size && strncmp(table[i].key, argument + 2, size) == 0) {
            return set_value(&table[i], values, equals + 1, argument, failure);
        }
    }
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                       "there is no setting '%.*s': --help lists them", (int)size, argument + 2);
}

static bool parse_int(const char *text, int64_t *value_out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        return false;
    }
    *value_out = value;
    return true;
}

static bool parse_bool(const char *text, bool *value_out)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *value_out = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static enum status set_value(const struct config_entry *entry, void *values, const char *text,
                             const char *from, struct failure *failure)
{
    void *slot = (char *)values + entry->offset;
    switch (entry->type) {
    case CONFIG_TEXT:
        memcpy(slot, &text, sizeof text);
        return STATUS_OK;
    case CONFIG_INT: {
        int64_t value;
        if (!parse_int(text, &value) || value < entry->least || value > entry->most) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                               "%s: %s must be a whole number from %lld to %lld%s%s, not '%s'",
                               from, entry->key, (long long)entry->least, (long long)entry->most,
                               entry->unit[0] != '\0' ? " " : "", entry->unit, text);
        }
        memcpy(slot, &value, sizeof value);
        return STATUS_OK;
    }
    case CONFIG_BOOL: {
        bool value;
        if (!parse_bool(text, &value)) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "CONFIG_INVALID",
                               "%s: %s must be true or false, not '%s'", from, entry->key, text);
        }
        memcpy(slot, &value, sizeof value);
        return STATUS_OK;
    }
    }
    return STATUS_INTERNAL;
}

void config_help(const struct config_entry *table, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_entry *entry = &table[i];
        (void)fprintf(out, "  --%-22s %s\n", entry->key, entry->help);
        (void)fprintf(out, "    %-22s %s; default %s", "", entry->environment,
                      entry->fallback[0] != '\0' ? entry->fallback : "none");
        if (entry->type == CONFIG_INT) {
            (void)fprintf(out, "%s%s, %lld to %lld", entry->unit[0] != '\0' ? " " : "", entry->unit,
                          (long long)entry->least, (long long)entry->most);
        }
        (void)fprintf(out, "\n");
    }
}

void config_print(const struct config_entry *table, size_t count, const void *values, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const void *slot = (const char *)values + table[i].offset;
        const char *text;
        int64_t number;
        bool flag;
        switch (table[i].type) {
        case CONFIG_TEXT:
            memcpy(&text, slot, sizeof text);
            (void)fprintf(out, "%s=%s\n", table[i].key, table[i].secret ? "***" : text);
            break;
        case CONFIG_INT:
            memcpy(&number, slot, sizeof number);
            (void)fprintf(out, "%s=%lld\n", table[i].key, (long long)number);
            break;
        case CONFIG_BOOL:
            memcpy(&flag, slot, sizeof flag);
            (void)fprintf(out, "%s=%s\n", table[i].key, flag ? "true" : "false");
            break;
        }
    }
}
