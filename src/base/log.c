/* See log.h. A line is built on the stack and written at once, so that threads and processes that
 * share a file do not mix theirs. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048 /* longer lines are cut; they end in "..." */

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
static const char *program_name = "-";
static enum log_level least_level = LOG_INFO;

struct line {
    char text[LOG_LINE_BYTES];
    size_t size;
};

static void put(struct line *line, const char *text, size_t size)
{
    size_t room = sizeof line->text - 1 - line->size;
    if (size > room) {
        size = room;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escaped(struct line *line, const char *value)
{
    put(line, "\"", 1);
    for (const unsigned char *at = (const unsigned char *)value; *at != 0; at++) {
        char escape[5];
        if (*at == '"' || *at == '\\') {
            escape[0] = '\\';
            escape[1] = (char)*at;
            put(line, escape, 2);
            continue;
        }
        if (*at < 0x20 || *at == 0x7f) {
            (void)snprintf(escape, sizeof escape, "\\x%02x", *at);
            put(line, escape, 4);
            continue;
        }
        put(line, (const char *)at, 1);
    }
    put(line, "\"", 1);
}

static void put_value(struct line *line, const char *value)
{
    if (value == NULL) {
        put_text(line, "-");
        return;
    }
    bool plain = value[0] != '\0';
    for (const unsigned char *at = (const unsigned char *)value; plain && *at != 0; at++) {
        plain = *at > 0x20 && *at < 0x7f && *at != '"' && *at != '\\' && *at != '=';
    }
    if (plain) {
        put_text(line, value);
        return;
    }
    put_escaped(line, value);
}

static void put_time(struct line *line)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    (void)gmtime_r(&now.tv_sec, &utc);
    char text[40];
    size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(text + size, sizeof text - size, ".%03ldZ ", now.tv_nsec / 1000000);
    put_text(line, text);
}

void log_init(const char *program, enum log_level least)
{
    program_name = program;
    least_level = least;
}

int log_level_parse(const char *name)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (strcmp(name, LEVELS[level]) == 0) {
            return level;
        }
    }
    return -1;
}

bool log_is_on(enum log_level level)
{
    return level >= least_level;
}

void log_line(enum log_level level, const char *event, ...)
{
    if (level < least_level) {
        return;
    }
    struct line line;
    line.size = 0;
    put_time(&line);
    put_text(&line, LEVELS[level]);
    put_text(&line, level == LOG_INFO || level == LOG_WARN ? "  " : " ");
    put_text(&line, program_name);
    put_text(&line, " ");
    put_text(&line, event);
    va_list pairs;
    va_start(pairs, event);
    for (const char *key = va_arg(pairs, const char *); key != NULL;
         key = va_arg(pairs, const char *)) {
        put_text(&line, " ");
        put_text(&line, key);
        put_text(&line, "=");
        put_value(&line, va_arg(pairs, const char *));
    }
    va_end(pairs);
    if (line.size == sizeof line.text - 1) {
        memcpy(line.text + line.size - 3, "...", 3);
    }
    line.text[line.size++] = '\n';
    /* Nothing can be done about a log that cannot be written. */
    ssize_t written = write(STDERR_FILENO, line.text, line.size);
    (void)written;
}

const char *log_number(struct log_number *buffer, int64_t value)
{
    (void)snprintf(buffer->text, sizeof buffer->text, "%lld", (long long)value);
    return buffer->text;
}
