/* Log: one line a happening, key=value, to standard error.
 *     2026-01-02T03:04:05.678Z info  order-server listening endpoint=tcp://127.0.0.1:7400
 * Programs log, libraries return failures. Values are quoted when they need it; control characters
 * are escaped, so that nothing a caller sends can forge a line. Thread-safe, one write(2) a line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARN,
    LOG_ERROR,
};

/* Once, before threads. `program` stays the caller's. Levels below `least` are dropped. */
void log_init(const char *program, enum log_level least);
/* "debug", "info", "warn", "error"; -1 otherwise. */
int log_level_parse(const char *name);

/* Whether lines of this level are written, for those that cost something to make. */
bool log_is_on(enum log_level level);

/* log_line(LOG_INFO, "listening", "endpoint", endpoint, "lanes", "4", NULL): pairs of strings, then
 * NULL. A NULL value prints as "-". */
void log_line(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* A number as text, for log_line: LOG_INT(batch_size). The text lives to the end of the block in
 * which LOG_INT stands. */
struct log_number {
    char text[24];
};
const char *log_number(struct log_number *buffer, int64_t value);
#define LOG_INT(value) log_number(&(struct log_number){{0}}, (int64_t)(value))
