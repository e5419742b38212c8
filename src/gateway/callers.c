/* See callers.h. */
#include "gateway/callers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

#define LOOK_AGAIN_MS 1000 /* how long a revoked key may still live */

struct callers {
    const struct clock *clock;
    const char *path;
    pthread_mutex_t lock;
    struct keys keys;
    struct stat seen; /* of the file that `keys` came from, or that was malformed */
    int64_t next_look_ms;
};

static void look_again(struct callers *callers);
static bool is_same_file(const struct stat *a, const struct stat *b);

enum status callers_open(const char *path, const struct clock *clock, struct callers **callers_out,
                         struct failure *failure)
{
    struct callers *callers = calloc(1, sizeof *callers);
    if (callers == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    callers->clock = clock;
    callers->path = path;
    (void)stat(path, &callers->seen); /* before reading: a change meanwhile is seen later */
    enum status status = keys_load(path, &callers->keys, failure);
    if (status != STATUS_OK) {
        free(callers);
        return status;
    }
    (void)pthread_mutex_init(&callers->lock, NULL);
    *callers_out = callers;
    return STATUS_OK;
}

void callers_close(struct callers **callers)
{
    if (*callers == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&(*callers)->lock);
    keys_fini(&(*callers)->keys);
    free(*callers);
    *callers = NULL;
}

enum status callers_admit(struct callers *callers, const char *text, const struct method *method,
                          struct caller *caller_out, struct failure *failure)
{
    struct key key;
    if (text == NULL) {
        return failure_set(failure, STATUS_UNAUTHENTICATED, "KEY_MISSING",
                           "an API key is needed: Authorization: Bearer ok_...");
    }
    (void)pthread_mutex_lock(&callers->lock);
    look_again(callers);
    const struct key *found =
        keys_find(&callers->keys, text, clock_unix_us(callers->clock) / 1000000);
    if (found != NULL) {
        key = *found;
    }
    (void)pthread_mutex_unlock(&callers->lock);
    if (found == NULL) {
        return failure_set(failure, STATUS_UNAUTHENTICATED, "KEY_INVALID",
                           "this API key is unknown, revoked or has expired");
    }
    if (!key_has_scope(&key, method->scope)) {
        (void)failure_set(failure, STATUS_PERMISSION_DENIED, "SCOPE_MISSING",
                          "this API key has not the scope %s", method->scope);
        failure_add(failure, "scope", "%s", method->scope);
        return STATUS_PERMISSION_DENIED;
    }
    caller_out->is_known = true;
    memcpy(caller_out->name, key.name, sizeof key.name);
    memcpy(caller_out->customer_id, key.customer_id, sizeof key.customer_id);
    return STATUS_OK;
}

static void look_again(struct callers *callers)
{
    struct stat now;
    struct keys keys;
    struct failure failure;
    int64_t now_ms = clock_monotonic_ms(callers->clock);
    if (now_ms < callers->next_look_ms) {
        return;
    }
    callers->next_look_ms = now_ms + LOOK_AGAIN_MS;
    if (stat(callers->path, &now) != 0 || is_same_file(&now, &callers->seen)) {
        return;
    }
    callers->seen = now;
    if (keys_load(callers->path, &keys, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "keys not read again", "reason", failure.reason, "message",
                 failure.message, NULL);
        return;
    }
    keys_fini(&callers->keys);
    callers->keys = keys;
    log_line(LOG_INFO, "keys read again", "keys", LOG_INT(keys.count), NULL);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}
