/* Keys in their file. See keys.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/key_text.h"
#include "access/keys.h"

#define LINE_BYTES 768 /* all fields at their longest */
#define PATH_BYTES 4096

static bool parse_line(const char *line, struct key *key);
static bool write_all(const struct keys *keys, FILE *file);
static bool keep_owner(const char *path, int descriptor);
static bool is_still_at(const char *path, int descriptor);
static bool sync_folder(const char *path);

enum status keys_load(const char *path, struct keys *keys_out, struct failure *failure)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return failure_set(failure, STATUS_NOT_FOUND, "NO_KEYS", "%s cannot be read", path);
    }
    struct keys keys = {.list = calloc(KEYS_MAX, sizeof *keys.list)};
    enum status status = STATUS_OK;
    char line[LINE_BYTES];
    size_t number = 0;
    while (status == STATUS_OK && keys.list != NULL && fgets(line, sizeof line, file) != NULL) {
        number++;
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (keys.count == KEYS_MAX || strchr(line, '\n') == NULL ||
            !parse_line(line, &keys.list[keys.count])) {
            status = failure_set(failure, STATUS_FAILED_PRECONDITION, "KEYS_MALFORMED",
                                 "%s: line %zu is no key", path, number);
        } else {
            keys.count++;
        }
    }
    if (keys.list == NULL || ferror(file) != 0) {
        status = failure_set(failure, STATUS_UNAVAILABLE, "NO_KEYS", "%s cannot be read", path);
    }
    (void)fclose(file);
    if (status != STATUS_OK) {
        keys_fini(&keys);
        return status;
    }
    *keys_out = keys;
    return STATUS_OK;
}

static bool parse_line(const char *line, struct key *key)
{
    char hash[2 * KEY_SECRET_BYTES + 1], expires[24], rest[2];
    long long create_s;
    *key = (struct key){0};
    int fields = sscanf(line, "%16s %64s %64s %64s %255s %lld %23s %1s", key->id, hash, key->name,
                        key->customer_id, key->scopes, &create_s, expires, rest);
    if (fields != 7 || strlen(key->id) != KEY_ID_BYTES - 1 ||
        !key_text_parse_hex(hash, key->hash, sizeof key->hash) ||
        !key_text_is_made_of(key->scopes, KEY_SCOPE_LETTERS) ||
        !key_text_is_made_of(key->name, KEY_NAME_LETTERS) ||
        !key_text_is_made_of(key->customer_id, KEY_NAME_LETTERS)) {
        return false;
    }
    char *end = expires;
    key->create_s = create_s;
    key->expire_s = strcmp(expires, "-") == 0 ? 0 : strtoll(expires, &end, 10);
    if (strcmp(key->customer_id, "-") == 0) {
        key->customer_id[0] = '\0';
    }
    bool is_time = strcmp(expires, "-") == 0 || (*end == '\0' && key->expire_s > 0);
    return is_time;
}

enum status keys_save(const struct keys *keys, const char *path, struct failure *failure)
{
    char draft[PATH_BYTES];
    int size = snprintf(draft, sizeof draft, "%s.%ld.new", path, (long)getpid());
    int descriptor = size < 0 || (size_t)size >= sizeof draft
                         ? -1
                         : open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    bool is_written = file != NULL && keep_owner(path, descriptor) && write_all(keys, file) &&
                      fflush(file) == 0 && fsync(descriptor) == 0;
    int reason = errno;
    if (file != NULL) {
        is_written = fclose(file) == 0 && is_written;
    } else if (descriptor >= 0) {
        (void)close(descriptor);
    }
    if (is_written && rename(draft, path) == 0) {
        if (sync_folder(path)) {
            return STATUS_OK;
        }
        return failure_set(failure, STATUS_UNKNOWN, "KEYS_NOT_WRITTEN",
                           "%s: written, but perhaps not for good: %s", path, strerror(errno));
    }
    if (descriptor >= 0) {
        (void)unlink(draft);
    }
    return failure_set(failure, STATUS_UNAVAILABLE, "KEYS_NOT_WRITTEN", "%s: %s", path,
                       strerror(reason));
}

static bool write_all(const struct keys *keys, FILE *file)
{
    bool is_written =
        fprintf(file, "# order-gateway keys: id sha256 name customer scopes created expires\n") > 0;
    for (size_t i = 0; i < keys->count && is_written; i++) {
        const struct key *key = &keys->list[i];
        char hash[2 * KEY_SECRET_BYTES + 1], expires[24] = "-";
        key_text_print_hex(key->hash, sizeof key->hash, hash);
        if (key->expire_s != 0) {
            (void)snprintf(expires, sizeof expires, "%" PRId64, key->expire_s);
        }
        is_written = fprintf(file, "%s %s %s %s %s %" PRId64 " %s\n", key->id, hash, key->name,
                             key->customer_id[0] == '\0' ? "-" : key->customer_id, key->scopes,
                             key->create_s, expires) > 0;
    }
    return is_written;
}

enum status keys_lock(const char *path, int *lock_out, struct failure *failure)
{
    for (;;) {
        int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor < 0 || flock(descriptor, LOCK_EX) != 0) {
            int reason = errno;
            if (descriptor >= 0) {
                (void)close(descriptor);
            }
            return failure_set(failure, STATUS_UNAVAILABLE, "KEYS_NOT_WRITTEN", "%s: %s", path,
                               strerror(reason));
        }
        if (is_still_at(path, descriptor)) {
            *lock_out = descriptor;
            return STATUS_OK;
        }
        (void)close(descriptor); /* another one has replaced the file while this one waited */
    }
}

void keys_unlock(int lock)
{
    (void)close(lock);
}

static bool is_still_at(const char *path, int descriptor)
{
    struct stat held, there;
    return fstat(descriptor, &held) == 0 && stat(path, &there) == 0 &&
           held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

static bool keep_owner(const char *path, int descriptor)
{
    struct stat old, new;
    if (stat(path, &old) != 0) {
        return errno == ENOENT;
    }
    if (fstat(descriptor, &new) != 0 || ((old.st_uid != new.st_uid || old.st_gid != new.st_gid) &&
                                         fchown(descriptor, old.st_uid, old.st_gid) != 0)) {
        return false;
    }
    return fchmod(descriptor, old.st_mode & 0777) == 0;
}

/* That the new name is on disk: a key that was revoked must not come back with the power. */
static bool sync_folder(const char *path)
{
    char copy[PATH_BYTES];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = folder >= 0 && fsync(folder) == 0;
    int reason = errno;
    if (folder >= 0) {
        (void)close(folder);
    }
    errno = reason;
    return is_synced;
}
