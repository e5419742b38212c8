/* Money: the currencies that do not have two digits are the table. */
#include "client/cli/money.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
    char currency[4];
    unsigned digits;
} EXCEPTIONS[] = {
    {"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3},
    {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3},
    {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"UYW", 4},
    {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
};

unsigned money_digits(const char *currency)
{
    for (size_t i = 0; i < sizeof(EXCEPTIONS) / sizeof(EXCEPTIONS[0]); i++) {
        if (strcmp(EXCEPTIONS[i].currency, currency) == 0) {
            return EXCEPTIONS[i].digits;
        }
    }
    return 2;
}

void money_print(int64_t minor, const char *currency, char out[MONEY_TEXT_BYTES])
{
    unsigned digits = money_digits(currency);
    uint64_t scale = 1;
    for (unsigned i = 0; i < digits; i++) {
        scale *= 10;
    }
    uint64_t amount = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    const char *sign = minor < 0 ? "-" : "";
    unsigned long long whole = amount / scale;
    if (digits == 0) {
        snprintf(out, MONEY_TEXT_BYTES, "%s%llu %.3s", sign, whole, currency);
    } else {
        snprintf(out, MONEY_TEXT_BYTES, "%s%llu.%0*llu %.3s", sign, whole, (int)digits,
                 (unsigned long long)(amount % scale), currency);
    }
}

bool money_parse(const char *text, const char *currency, int64_t *minor_out)
{
    unsigned missing = money_digits(currency);
    int64_t minor = 0;
    bool behind_point = false;
    const char *at = text;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !behind_point); at++) {
        if (*at == '.') {
            behind_point = true;
            continue;
        }
        if (behind_point && missing-- == 0) {
            return false;
        }
        if (__builtin_mul_overflow(minor, 10, &minor) ||
            __builtin_add_overflow(minor, *at - '0', &minor)) {
            return false;
        }
    }
    if (*at != '\0' || !isdigit((unsigned char)text[0]) || at[-1] == '.') {
        return false;
    }
    for (; missing > 0; missing--) {
        if (__builtin_mul_overflow(minor, 10, &minor)) {
            return false;
        }
    }
    *minor_out = minor;
    return true;
}
