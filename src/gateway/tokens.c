/* See tokens.h. Verifying takes its time, so any number of threads do it at once; one reads
 * a changed file beside them, and locks them out only to put the new keys in place. */
#include "gateway/tokens.h"

#include <pthread.h>
#include <stdlib.h>

struct tokens {
    struct jwt_rules rules;
    const struct clock *clock;
    pthread_mutex_t watch_lock;
    struct watched_file file;
    pthread_rwlock_t keys_lock;
    struct jwt_keys *keys;
};

static void look_again(struct tokens *tokens);

enum status tokens_open(const char *jwks_file, const struct jwt_rules *rules,
                        const struct clock *clock, struct tokens **tokens_out,
                        struct failure *failure)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    tokens->rules = *rules;
    tokens->clock = clock;
    watched_file_init(&tokens->file, jwks_file, "jwks", clock);
    enum status status = jwt_keys_load(jwks_file, rules->algorithm, &tokens->keys, failure);
    if (status != STATUS_OK) {
        free(tokens);
        return status;
    }
    (void)pthread_mutex_init(&tokens->watch_lock, NULL);
    (void)pthread_rwlock_init(&tokens->keys_lock, NULL);
    *tokens_out = tokens;
    return STATUS_OK;
}

void tokens_close(struct tokens **tokens)
{
    if (*tokens == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&(*tokens)->watch_lock);
    (void)pthread_rwlock_destroy(&(*tokens)->keys_lock);
    jwt_keys_destroy(&(*tokens)->keys);
    free(*tokens);
    *tokens = NULL;
}

enum status tokens_check(struct tokens *tokens, const char *text, struct arena *arena,
                         struct jwt_claims *claims_out, struct failure *failure)
{
    if (pthread_mutex_trylock(&tokens->watch_lock) == 0) { /* one looks, the others need not wait */
        look_again(tokens);
        (void)pthread_mutex_unlock(&tokens->watch_lock);
    }
    (void)pthread_rwlock_rdlock(&tokens->keys_lock);
    enum status status =
        jwt_check(tokens->keys, &tokens->rules, text, clock_unix_us(tokens->clock) / 1000000, arena,
                  claims_out, failure);
    (void)pthread_rwlock_unlock(&tokens->keys_lock);
    return status;
}

struct watched_file tokens_file(struct tokens *tokens)
{
    (void)pthread_mutex_lock(&tokens->watch_lock);
    look_again(tokens);
    struct watched_file file = tokens->file;
    (void)pthread_mutex_unlock(&tokens->watch_lock);
    return file;
}

/* Under watch_lock. */
static void look_again(struct tokens *tokens)
{
    struct jwt_keys *keys;
    struct failure failure;
    if (!watched_file_is_due(&tokens->file)) {
        return;
    }
    if (jwt_keys_load(tokens->file.path, tokens->rules.algorithm, &keys, &failure) != STATUS_OK) {
        watched_file_note_failure(&tokens->file, &failure);
        return;
    }
    watched_file_note_read(&tokens->file, jwt_keys_count(keys));
    (void)pthread_rwlock_wrlock(&tokens->keys_lock);
    struct jwt_keys *old = tokens->keys;
    tokens->keys = keys;
    (void)pthread_rwlock_unlock(&tokens->keys_lock);
    jwt_keys_destroy(&old);
}
