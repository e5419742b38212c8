/* See watched_file.h. */
#include "gateway/watched_file.h"

#include "base/log.h"

#define LOOK_AGAIN_MS 500   /* with the next: within a second a revoked key has ended */
#define YOUNG_MS      300   /* who writes in place does not pause that long in the middle */
#define REMIND_MS     60000 /* a log's readers look at the last few minutes */

static bool is_same(const struct stat *a, const struct stat *b);
static bool is_young(const struct watched_file *file, const struct stat *now);

void watched_file_init(struct watched_file *file, const char *path, const char *name,
                       const struct clock *clock)
{
    *file = (struct watched_file){.path = path,
                                  .name = name,
                                  .clock = clock,
                                  .is_usable = true,
                                  .read_us = clock_unix_us(clock)};
    (void)stat(path, &file->seen);
}

bool watched_file_is_due(struct watched_file *file)
{
    struct stat now;
    int64_t now_ms = clock_monotonic_ms(file->clock);
    if (now_ms < file->next_look_ms) {
        return false;
    }
    file->next_look_ms = now_ms + LOOK_AGAIN_MS;
    if (stat(file->path, &now) != 0) {
        return true; /* reading it says so */
    }
    bool has_changed = !is_same(&now, &file->seen);
    bool is_settled = is_same(&now, &file->looked_at) || !is_young(file, &now);
    file->looked_at = now;
    if (has_changed ? !is_settled : file->is_usable) {
        return false;
    }
    file->seen = now;
    return true;
}

void watched_file_note_read(struct watched_file *file, size_t keys)
{
    file->is_usable = true;
    file->read_us = clock_unix_us(file->clock);
    log_line(LOG_INFO, "keys read again", "file", file->name, "keys", LOG_INT(keys), NULL);
}

void watched_file_note_failure(struct watched_file *file, const struct failure *failure)
{
    int64_t now_ms = clock_monotonic_ms(file->clock);
    if (!file->is_usable && now_ms < file->next_word_ms) {
        return;
    }
    file->is_usable = false;
    file->next_word_ms = now_ms + REMIND_MS;
    log_line(LOG_ERROR, "keys not read again: those read last stay in force", "file", file->name,
             "reason", failure->reason, "message", failure->message, "age_s",
             LOG_INT((clock_unix_us(file->clock) - file->read_us) / 1000000), NULL);
}

/* ctime, too: what can be read changes with the owner and the mode. */
static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_young(const struct watched_file *file, const struct stat *now)
{
    int64_t changed_us = now->st_ctim.tv_sec * INT64_C(1000000) + now->st_ctim.tv_nsec / 1000;
    return clock_unix_us(file->clock) - changed_us < YOUNG_MS * INT64_C(1000);
}
