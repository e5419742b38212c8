/* Options: see options.h. */
#include "client/cli/options.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct found {
    const struct option *option; /* NULL: there is none */
    void *values;
    const char *value; /* given with it: --name=value, -ovalue; or NULL */
};

static struct found find_long(const struct option_table *tables, size_t count, const char *text);
static struct found find_short(const struct option_table *tables, size_t count, const char *text);
static enum status take_option(const struct found *found, int argc, char *const *argv, int *at,
                               struct failure *failure);
static enum status set_value(const struct option *option, void *values, const char *text,
                             struct failure *failure);
static enum status set_number(const struct option *option, void *member, const char *text,
                              struct failure *failure);
static enum status add_text(const struct option *option, struct option_list *list, const char *text,
                            struct failure *failure);
static bool parse_duration(const char *text, int64_t *ms_out);
static bool parse_choice(const char *choices, const char *text, int64_t *index_out);
static bool is_word(const char *text);

void options_default(const struct option_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        if (option->fallback != NULL) {
            enum status status = set_value(option, table->values, option->fallback, NULL);
            assert(status == STATUS_OK);
            (void)status;
        }
    }
}

enum status options_parse(const struct option_table *tables, size_t table_count, int argc,
                          char *const *argv, int *at, bool first_word_only,
                          struct option_words *words, struct failure *failure)
{
    bool only_words = false;
    for (; *at < argc; (*at)++) {
        const char *text = argv[*at];
        if (only_words || is_word(text)) {
            if (first_word_only) {
                break;
            }
            words->items[words->count++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            only_words = true;
            continue;
        }
        struct found found = text[1] == '-' ? find_long(tables, table_count, text + 2)
                                            : find_short(tables, table_count, text + 1);
        if (found.option == NULL) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "UNKNOWN_OPTION",
                               "unknown option '%s'", text);
        }
        enum status status = take_option(&found, argc, argv, at, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status options_check_required(const struct option_table *table, struct failure *failure)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct option *option = &table->options[i];
        const char *text;
        if (!option->required) {
            continue;
        }
        memcpy(&text, (const char *)table->values + option->offset, sizeof(text));
        if (text == NULL) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "MISSING_OPTION",
                               "--%s %s is missing", option->name, option->value);
        }
    }
    return STATUS_OK;
}

bool options_parse_int(const char *text, int64_t *value_out)
{
    if (!isdigit((unsigned char)text[0]) && (text[0] != '-' || !isdigit((unsigned char)text[1]))) {
        return false;
    }
    char *end;
    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *value_out = value;
    return true;
}

static struct found find_long(const struct option_table *tables, size_t count, const char *text)
{
    size_t size = strcspn(text, "=");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < tables[i].count; k++) {
            const struct option *option = &tables[i].options[k];
            if (strlen(option->name) == size && strncmp(option->name, text, size) == 0) {
                return (struct found){.option = option,
                                      .values = tables[i].values,
                                      .value = text[size] == '=' ? text + size + 1 : NULL};
            }
        }
    }
    return (struct found){.option = NULL};
}

static struct found find_short(const struct option_table *tables, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < tables[i].count; k++) {
            const struct option *option = &tables[i].options[k];
            if (option->letter != '\0' && option->letter == text[0]) {
                return (struct found){.option = option,
                                      .values = tables[i].values,
                                      .value = text[1] != '\0' ? text + 1 : NULL};
            }
        }
    }
    return (struct found){.option = NULL};
}

static enum status take_option(const struct found *found, int argc, char *const *argv, int *at,
                               struct failure *failure)
{
    const struct option *option = found->option;
    if (option->type == OPTION_FLAG) {
        if (found->value != NULL) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION",
                               "--%s takes no value", option->name);
        }
        *(bool *)((char *)found->values + option->offset) = true;
        return STATUS_OK;
    }
    if (found->value != NULL) {
        return set_value(option, found->values, found->value, failure);
    }
    if (*at + 1 >= argc) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION", "--%s needs a value: %s",
                           option->name, option->value);
    }
    (*at)++;
    return set_value(option, found->values, argv[*at], failure);
}

static enum status set_value(const struct option *option, void *values, const char *text,
                             struct failure *failure)
{
    void *member = (char *)values + option->offset;
    switch (option->type) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return STATUS_OK;
    case OPTION_TEXT:
        *(const char **)member = text;
        return STATUS_OK;
    case OPTION_CHOICE:
        if (!parse_choice(option->value, text, member)) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION",
                               "--%s: '%s' is none of %s", option->name, text, option->value);
        }
        return STATUS_OK;
    case OPTION_LIST:
        return add_text(option, member, text, failure);
    case OPTION_INT:
    case OPTION_DURATION:
        return set_number(option, member, text, failure);
    }
    return STATUS_OK;
}

static enum status set_number(const struct option *option, void *member, const char *text,
                              struct failure *failure)
{
    int64_t value = 0;
    bool is_duration = option->type == OPTION_DURATION;
    if (!(is_duration ? parse_duration : options_parse_int)(text, &value)) {
        return failure_set(
            failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION", "--%s: '%s' is no %s", option->name,
            text, is_duration ? "duration, such as 500ms, 2s, 15m or 24h" : "whole number");
    }
    if (value < option->least || value > option->most) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION",
                           "--%s: %s is not from %" PRId64 " to %" PRId64 "%s", option->name, text,
                           option->least, option->most, is_duration ? " ms" : "");
    }
    *(int64_t *)member = value;
    return STATUS_OK;
}

static enum status add_text(const struct option *option, struct option_list *list, const char *text,
                            struct failure *failure)
{
    if (list->count == OPTIONS_LIST_MAX) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BAD_OPTION",
                           "--%s is given more than %d times", option->name, OPTIONS_LIST_MAX);
    }
    list->items[list->count++] = text;
    return STATUS_OK;
}

static bool parse_duration(const char *text, int64_t *ms_out)
{
    static const struct {
        const char *unit;
        double ms;
    } UNITS[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    if (!isdigit((unsigned char)text[0]) || strcspn(text, "xXeEpP") != strlen(text)) {
        return false;
    }
    char *end;
    double value = strtod(text, &end);
    for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
        if (strcmp(end, UNITS[i].unit) == 0 && value < 1e9) {
            *ms_out = (int64_t)(value * UNITS[i].ms + 0.5);
            return true;
        }
    }
    return false;
}

static bool parse_choice(const char *choices, const char *text, int64_t *index_out)
{
    size_t size = strlen(text);
    int64_t index = 0;
    for (const char *at = choices; at != NULL; index++) {
        size_t choice = strcspn(at, "|");
        if (choice == size && strncmp(at, text, size) == 0) {
            *index_out = index;
            return true;
        }
        at = at[choice] == '|' ? at + choice + 1 : NULL;
    }
    return false;
}

static bool is_word(const char *text)
{
    return text[0] != '-' || text[1] == '\0' || isdigit((unsigned char)text[1]);
}
