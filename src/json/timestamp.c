/* Timestamp: the calendar by arithmetic, so that neither locale nor time zone has a say. */
#include "json/timestamp.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS         86400
#define NANOS_MOST          999999999
#define FRACTION_MOST       9
#define DATE_BYTES          10 /* "1996-07-04" */
#define SECONDS_DIGITS_MOST 12 /* of DURATION_SECONDS_MOST */

struct civil {
    int64_t year;
    unsigned month, day;
};

static struct civil date_of_days(int64_t days);
static int64_t days_of_date(struct civil date);
static unsigned days_in_month(int64_t year, unsigned month);
static void print_fraction(int32_t nanos, char out[FRACTION_MOST + 2]);
static bool is_digit(char character);
static const char *parse_number(const char *text, size_t digits, unsigned *out);
static const char *parse_date(const char *text, int64_t *days_out);
static const char *parse_time(const char *text, int64_t *seconds_out);
static const char *parse_fraction(const char *text, int32_t *nanos_out);
static const char *parse_offset(const char *text, int64_t *seconds_out);

bool timestamp_print(int64_t seconds, int32_t nanos, char out[TIMESTAMP_TEXT_BYTES])
{
    if (seconds < TIMESTAMP_SECONDS_LEAST || seconds > TIMESTAMP_SECONDS_MOST || nanos < 0 ||
        nanos > NANOS_MOST) {
        return false;
    }
    int64_t days = seconds / DAY_SECONDS;
    int64_t rest = seconds % DAY_SECONDS;
    if (rest < 0) {
        rest += DAY_SECONDS;
        days--;
    }
    struct civil date = date_of_days(days);
    char fraction[FRACTION_MOST + 2];
    print_fraction(nanos, fraction);
    snprintf(out, TIMESTAMP_TEXT_BYTES, "%04d-%02u-%02uT%02d:%02d:%02d%sZ", (int)date.year,
             date.month, date.day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60),
             fraction);
    return true;
}

void timestamp_print_short(int64_t seconds, char out[TIMESTAMP_TEXT_BYTES])
{
    if (!timestamp_print(seconds, 0, out)) {
        snprintf(out, TIMESTAMP_TEXT_BYTES, "?");
        return;
    }
    out[DATE_BYTES] = ' ';
    out[strlen(out) - 1] = '\0';
}

bool timestamp_parse(const char *text, int64_t *seconds_out, int32_t *nanos_out)
{
    int64_t days = 0, in_day = 0, offset = 0;
    int32_t nanos = 0;
    const char *at = parse_date(text, &days);
    if (at == NULL || *at != 'T') {
        return false;
    }
    at = parse_time(at + 1, &in_day);
    at = at == NULL ? NULL : parse_fraction(at, &nanos);
    at = at == NULL ? NULL : parse_offset(at, &offset);
    if (at == NULL || *at != '\0') {
        return false;
    }
    int64_t seconds = days * DAY_SECONDS + in_day - offset;
    if (seconds < TIMESTAMP_SECONDS_LEAST || seconds > TIMESTAMP_SECONDS_MOST) {
        return false;
    }
    *seconds_out = seconds;
    *nanos_out = nanos;
    return true;
}

bool timestamp_parse_written(const char *text, int64_t *seconds_out, int32_t *nanos_out)
{
    char strict[TIMESTAMP_TEXT_BYTES];
    size_t size = strlen(text);
    if (size <= DATE_BYTES || size >= sizeof strict) {
        return false;
    }
    memcpy(strict, text, size + 1);
    if (strict[DATE_BYTES] == 't' || strict[DATE_BYTES] == ' ') {
        strict[DATE_BYTES] = 'T';
    }
    if (strict[size - 1] == 'z') {
        strict[size - 1] = 'Z';
    }
    return timestamp_parse(strict, seconds_out, nanos_out);
}

bool duration_print(int64_t seconds, int32_t nanos, char out[TIMESTAMP_TEXT_BYTES])
{
    bool is_mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
    if (is_mixed || seconds < -DURATION_SECONDS_MOST || seconds > DURATION_SECONDS_MOST ||
        nanos < -NANOS_MOST || nanos > NANOS_MOST) {
        return false;
    }
    char fraction[FRACTION_MOST + 2];
    print_fraction(abs(nanos), fraction);
    snprintf(out, TIMESTAMP_TEXT_BYTES, "%s%lld%ss", seconds < 0 || nanos < 0 ? "-" : "",
             llabs((long long)seconds), fraction);
    return true;
}

bool duration_parse(const char *text, int64_t *seconds_out, int32_t *nanos_out)
{
    int64_t sign = *text == '-' ? -1 : 1;
    const char *at = *text == '-' ? text + 1 : text;
    const char *first = at;
    int64_t seconds = 0;
    int32_t nanos = 0;
    for (; is_digit(*at); at++) {
        if (at - first == SECONDS_DIGITS_MOST) {
            return false;
        }
        seconds = seconds * 10 + (*at - '0');
    }
    if (at == first || seconds > DURATION_SECONDS_MOST) {
        return false;
    }
    at = parse_fraction(at, &nanos);
    if (at == NULL || at[0] != 's' || at[1] != '\0') {
        return false;
    }
    *seconds_out = sign * seconds;
    *nanos_out = (int32_t)sign * nanos;
    return true;
}

/* Nothing, or a point and 3, 6 or 9 digits: what proto3 JSON prints. */
static void print_fraction(int32_t nanos, char out[FRACTION_MOST + 2])
{
    if (nanos == 0) {
        out[0] = '\0';
    } else if (nanos % 1000000 == 0) {
        snprintf(out, FRACTION_MOST + 2, ".%03u", (unsigned)nanos / 1000000 % 1000);
    } else if (nanos % 1000 == 0) {
        snprintf(out, FRACTION_MOST + 2, ".%06u", (unsigned)nanos / 1000 % 1000000);
    } else {
        snprintf(out, FRACTION_MOST + 2, ".%09u", (unsigned)nanos % 1000000000);
    }
}

static const char *parse_date(const char *text, int64_t *days_out)
{
    unsigned year = 0, month = 0, day = 0;
    const char *at = parse_number(text, 4, &year);
    at = at == NULL || *at != '-' ? NULL : parse_number(at + 1, 2, &month);
    at = at == NULL || *at != '-' ? NULL : parse_number(at + 1, 2, &day);
    if (at == NULL || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month)) {
        return NULL;
    }
    *days_out = days_of_date((struct civil){.year = year, .month = month, .day = day});
    return at;
}

static const char *parse_time(const char *text, int64_t *seconds_out)
{
    unsigned hour = 0, minute = 0, second = 0;
    const char *at = parse_number(text, 2, &hour);
    at = at == NULL || *at != ':' ? NULL : parse_number(at + 1, 2, &minute);
    at = at == NULL || *at != ':' ? NULL : parse_number(at + 1, 2, &second);
    if (at == NULL || hour > 23 || minute > 59 || second > 59) {
        return NULL;
    }
    *seconds_out = (int64_t)hour * 3600 + minute * 60 + second;
    return at;
}

static const char *parse_fraction(const char *text, int32_t *nanos_out)
{
    if (*text != '.') {
        return text;
    }
    const char *at = text + 1;
    int32_t nanos = 0;
    int32_t unit = 100000000;
    for (; is_digit(*at); at++, unit /= 10) {
        if (unit == 0) {
            return NULL;
        }
        nanos += (*at - '0') * unit;
    }
    *nanos_out = nanos;
    return at == text + 1 ? NULL : at;
}

static const char *parse_offset(const char *text, int64_t *seconds_out)
{
    if (*text == 'Z') {
        *seconds_out = 0;
        return text + 1;
    }
    if (*text != '+' && *text != '-') {
        return NULL;
    }
    unsigned hour = 0, minute = 0;
    const char *at = parse_number(text + 1, 2, &hour);
    at = at == NULL || *at != ':' ? NULL : parse_number(at + 1, 2, &minute);
    if (at == NULL || hour > 23 || minute > 59) {
        return NULL;
    }
    *seconds_out = ((int64_t)hour * 3600 + minute * 60) * (*text == '-' ? -1 : 1);
    return at;
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Exactly so many digits; where they end, or NULL. */
static const char *parse_number(const char *text, size_t digits, unsigned *out)
{
    unsigned value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!is_digit(text[i])) {
            return NULL;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = value;
    return text + digits;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : DAYS[month - 1];
}

/* The proleptic Gregorian calendar in eras of 400 years (146,097 days) that begin on 1 March, so
 * that the leap day is a year's last; day 0 is 1970-01-01, 719,468 days after 0000-03-01. */
static int64_t days_of_date(struct civil date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil date_of_days(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month =
        (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    return (struct civil){
        .year = year_of_era + era * 400 + (month <= 2 ? 1 : 0),
        .month = month,
        .day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
}
