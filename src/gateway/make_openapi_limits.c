/* Limits as comments say them. See make_openapi.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/make_openapi.h"

#define DIGITS_MAX 20

static const char *take_number(const char *at, long long *number_out);
static const char *take_range(const char *at, struct openapi_limits *limits);
static void take_unit(const char *at, struct openapi_limits *limits);

struct openapi_limits openapi_read_limits(const char *comment)
{
    static const char PAGE[] = "0 means ";
    struct openapi_limits limits = {.least = 0, .most = -1};
    for (const char *at = comment; *at != '\0'; at++) {
        bool is_start = at == comment || strchr(" \n(", at[-1]) != NULL;
        if (!is_start || (!isdigit((unsigned char)*at) && *at != '-')) {
            continue;
        }
        if (strncmp(at, PAGE, sizeof PAGE - 1) == 0) { /* and more than the most means the most */
            limits.has_range = true;
            return limits;
        }
        const char *end = take_range(at, &limits);
        if (end != NULL) {
            take_unit(end, &limits);
            return limits;
        }
    }
    return limits;
}

/* "1 to 64", "0 (no limit) to 1,000,000"; NULL when it is something else, such as "10 s to 4 h". */
static const char *take_range(const char *at, struct openapi_limits *limits)
{
    long long least, most;
    at = take_number(at, &least);
    if (at != NULL && strncmp(at, " (", 2) == 0) {
        const char *close = strchr(at, ')');
        at = close == NULL ? NULL : close + 1;
    }
    /* A comment's line may end anywhere. */
    const char *to = at == NULL ? NULL : at + strspn(at, " \n");
    if (to == NULL || to == at || strncmp(to, "to", 2) != 0 || !isspace((unsigned char)to[2])) {
        return NULL;
    }
    at = take_number(to + 2 + strspn(to + 2, " \n"), &most);
    if (at == NULL || most < least) {
        return NULL;
    }
    limits->has_range = true;
    limits->least = least;
    limits->most = most;
    return at;
}

/* "-1,000,000"; NULL when there is none. */
static const char *take_number(const char *at, long long *number_out)
{
    char digits[DIGITS_MAX + 2];
    size_t used = 0;
    if (*at == '-') {
        digits[used++] = *at++;
    }
    while (used <= DIGITS_MAX && (isdigit((unsigned char)*at) ||
                                  (*at == ',' && isdigit((unsigned char)at[1]) && used > 0))) {
        if (*at != ',') {
            digits[used++] = *at;
        }
        at++;
    }
    digits[used] = '\0';
    if (used == 0 || !isdigit((unsigned char)digits[used - 1])) {
        return NULL;
    }
    *number_out = strtoll(digits, NULL, 10);
    return at;
}

static void take_unit(const char *at, struct openapi_limits *limits)
{
    at += strspn(at, " \n");
    limits->is_bytes = strncmp(at, "bytes", 5) == 0;
    const char *open = strncmp(at, "of [", 4) == 0 ? at + 3 : NULL;
    const char *close = open == NULL ? NULL : strchr(open, ']');
    if (close != NULL && (size_t)(close - open) + 2 < sizeof limits->letters) {
        (void)snprintf(limits->letters, sizeof limits->letters, "%.*s", (int)(close - open + 1),
                       open);
    }
}
