/* See watched_file.h. */
#include "gateway/watched_file.h"

#define LOOK_AGAIN_MS 1000 /* how long a revoked key may still live */

static bool is_same(const struct stat *a, const struct stat *b);

void watched_file_init(struct watched_file *file, const char *path, const struct clock *clock)
{
    *file = (struct watched_file){.path = path, .clock = clock};
    (void)stat(path, &file->seen);
}

bool watched_file_has_changed(struct watched_file *file)
{
    struct stat now;
    int64_t now_ms = clock_monotonic_ms(file->clock);
    if (now_ms < file->next_look_ms) {
        return false;
    }
    file->next_look_ms = now_ms + LOOK_AGAIN_MS;
    if (stat(file->path, &now) != 0 || is_same(&now, &file->seen)) {
        return false;
    }
    file->seen = now;
    return true;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}
