/* Watched file: whether a file has changed since it was read, so that the gateway takes up new keys
 * without a restart. By its inode, size and time: a file that is replaced (keys_save, or any tool
 * that writes beside and renames) is seen within a second. Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/clock.h"

struct watched_file {
    const char *path;
    const struct clock *clock;
    struct stat seen;
    int64_t next_look_ms;
};

/* Before the file is read for the first time: a change meanwhile is seen later. */
void watched_file_init(struct watched_file *file, const char *path, const struct clock *clock);
/* Once for each change, whether the reader can then use the file or not. */
bool watched_file_has_changed(struct watched_file *file);
