/* See callers.h. */
#include "gateway/callers.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct callers {
    const struct clock *clock;
    struct tokens *tokens; /* NULL: none is taken */
    bool has_keys;
    pthread_mutex_t lock;
    struct watched_file file;
    struct keys keys;
};

static enum status find_by_key(struct callers *callers, const char *text,
                               char scopes[JWT_SCOPES_BYTES], struct caller *caller,
                               struct failure *failure);
static enum status find_by_token(struct callers *callers, const char *text, struct arena *arena,
                                 char scopes[JWT_SCOPES_BYTES], struct caller *caller,
                                 struct failure *failure);
static void look_again(struct callers *callers);
static void warn_of_scopes(const struct keys *keys);
static bool is_needed(const char *scope);

static_assert(KEY_SCOPES_BYTES <= JWT_SCOPES_BYTES, "room for either");
static_assert(JWT_CUSTOMER_BYTES == KEY_NAME_BYTES, "one kind of customer");

enum status callers_open(const char *keys_file, struct tokens *tokens, const struct clock *clock,
                         struct callers **callers_out, struct failure *failure)
{
    struct callers *callers = calloc(1, sizeof *callers);
    if (callers == NULL) {
        tokens_close(&tokens);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    callers->clock = clock;
    callers->tokens = tokens;
    callers->has_keys = keys_file != NULL;
    (void)pthread_mutex_init(&callers->lock, NULL);
    if (callers->has_keys) {
        watched_file_init(&callers->file, keys_file, "keys", clock);
        enum status status = keys_load(keys_file, &callers->keys, failure);
        if (status != STATUS_OK) {
            callers_close(&callers);
            return status;
        }
        warn_of_scopes(&callers->keys);
    }
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
    tokens_close(&(*callers)->tokens);
    free(*callers);
    *callers = NULL;
}

enum status callers_admit(struct callers *callers, const char *text, const struct method *method,
                          struct arena *arena, struct caller *caller_out, struct failure *failure)
{
    char scopes[JWT_SCOPES_BYTES];
    struct caller caller = {.is_known = true};
    if (text == NULL) {
        return failure_set(failure, STATUS_UNAUTHENTICATED, "KEY_MISSING",
                           "an API key or a token is needed: Authorization: Bearer ...");
    }
    bool is_key = callers->tokens == NULL || strncmp(text, "ok_", 3) == 0;
    enum status status = is_key ? find_by_key(callers, text, scopes, &caller, failure)
                                : find_by_token(callers, text, arena, scopes, &caller, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (!scopes_have(scopes, method->scope)) {
        (void)failure_set(failure, STATUS_PERMISSION_DENIED, "SCOPE_MISSING",
                          "this caller has not the scope %s", method->scope);
        failure_add(failure, "scope", "%s", method->scope);
        return STATUS_PERMISSION_DENIED;
    }
    *caller_out = caller;
    return STATUS_OK;
}

static enum status find_by_key(struct callers *callers, const char *text,
                               char scopes[JWT_SCOPES_BYTES], struct caller *caller,
                               struct failure *failure)
{
    (void)pthread_mutex_lock(&callers->lock);
    look_again(callers);
    const struct key *found =
        keys_find(&callers->keys, text, clock_unix_us(callers->clock) / 1000000);
    if (found != NULL) {
        memcpy(caller->name, found->name, sizeof found->name);
        memcpy(caller->customer_id, found->customer_id, sizeof found->customer_id);
        memcpy(scopes, found->scopes, sizeof found->scopes);
    }
    (void)pthread_mutex_unlock(&callers->lock);
    return found != NULL ? STATUS_OK
                         : failure_set(failure, STATUS_UNAUTHENTICATED, "KEY_INVALID",
                                       "this API key is unknown, revoked or has expired");
}

/* A '/' cannot stand in a key's name. */
static enum status find_by_token(struct callers *callers, const char *text, struct arena *arena,
                                 char scopes[JWT_SCOPES_BYTES], struct caller *caller,
                                 struct failure *failure)
{
    struct jwt_claims claims;
    enum status status = tokens_check(callers->tokens, text, arena, &claims, failure);
    if (status != STATUS_OK) {
        return status;
    }
    (void)snprintf(caller->name, sizeof caller->name, "jwt/%s", claims.subject);
    memcpy(caller->customer_id, claims.customer_id, sizeof claims.customer_id);
    memcpy(scopes, claims.scopes, sizeof claims.scopes);
    return STATUS_OK;
}

static void look_again(struct callers *callers)
{
    struct keys keys;
    struct failure failure;
    if (!callers->has_keys || !watched_file_is_due(&callers->file)) {
        return;
    }
    if (keys_load(callers->file.path, &keys, &failure) != STATUS_OK) {
        watched_file_note_failure(&callers->file, &failure);
        return;
    }
    keys_fini(&callers->keys);
    callers->keys = keys;
    watched_file_note_read(&callers->file, keys.count);
    warn_of_scopes(&keys);
}

/* orderctl, which makes the keys, does not know what the contracts of this gateway need. */
static void warn_of_scopes(const struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        const char *at = keys->list[i].scopes;
        while (*at != '\0') {
            char scope[KEY_SCOPES_BYTES];
            int size = (int)strcspn(at, ",");
            (void)snprintf(scope, sizeof scope, "%.*s", size, at);
            if (!is_needed(scope)) {
                log_line(LOG_WARN, "a key has a scope that no method needs", "key",
                         keys->list[i].id, "name", keys->list[i].name, "scope", scope, NULL);
            }
            at += size + (at[size] == ',');
        }
    }
}

static bool is_needed(const char *scope)
{
    bool is_found = strcmp(scope, "*") == 0;
    for (size_t i = 0; i < method_count && !is_found; i++) {
        is_found = strcmp(methods[i].scope, scope) == 0;
    }
    return is_found;
}

size_t callers_files(struct callers *callers, struct watched_file files_out[CALLERS_FILES_MAX])
{
    size_t count = 0;
    if (callers->has_keys) {
        (void)pthread_mutex_lock(&callers->lock);
        look_again(callers);
        files_out[count++] = callers->file;
        (void)pthread_mutex_unlock(&callers->lock);
    }
    if (callers->tokens != NULL) {
        files_out[count++] = tokens_file(callers->tokens);
    }
    return count;
}
