/* Watched file: a file of keys that is read again when it changes, so that new keys are in force
 * and revoked ones end within a second, without a restart; and how that goes, for the log and the
 * metrics. A change shows in its inode, size and times. One that is replaced by rename is read as
 * it is; one that is written in place is left alone while it is very young, so that nobody finds
 * half of it, or an emptied file, in force. A file that is gone, cannot be read or is malformed is
 * said at once and every minute, and tried again at every look: what was read last stays in force,
 * because a mount that is away must not lock out everybody, and to revoke a key there is a way.
 * Not thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/status.h"

struct watched_file {
    const char *path, *name; /* the name is for the log and the metrics: "keys" */
    const struct clock *clock;
    struct stat seen, looked_at;
    int64_t next_look_ms, next_word_ms; /* monotonic */
    bool is_usable;                     /* it could be read when it was looked at last */
    int64_t read_us;                    /* Unix time: when it was read last */
};

/* Before the file is read for the first time: a change meanwhile is seen later. A first time that
 * fails is the caller's to tell. Texts are borrowed. */
void watched_file_init(struct watched_file *file, const char *path, const char *name,
                       const struct clock *clock);
/* Whether it is to be read again, now; the reader tells what came of it by one of the next two. */
bool watched_file_is_due(struct watched_file *file);
void watched_file_note_read(struct watched_file *file, size_t keys);
void watched_file_note_failure(struct watched_file *file, const struct failure *failure);
