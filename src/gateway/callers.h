/* Callers: who a request comes from and whether it may call the method. By API keys
 * (access/keys.h) or by tokens (tokens.h), or both; their files are read again when they change
 * (watched_file.h). Threads: any. */
#pragma once

#include "access/keys.h"
#include "gateway/method.h"
#include "gateway/tokens.h"
#include "gateway/watched_file.h"

#define CALLER_NAME_BYTES (JWT_SUBJECT_BYTES + 4) /* "jwt/" and a token's subject */

#define CALLERS_FILES_MAX 2

struct callers;

struct caller {
    bool is_known;                    /* false: callers are not told apart */
    char name[CALLER_NAME_BYTES];     /* of its keys, or "jwt/" and the subject: never the same */
    char customer_id[KEY_NAME_BYTES]; /* whose orders it may see and make; "" = everybody's */
};

/* Without a file of keys (NULL) nobody has a key; without tokens (NULL) none is taken. They are the
 * callers' from then on, also on failure. */
enum status callers_open(const char *keys_file, struct tokens *tokens, const struct clock *clock,
                         struct callers **callers_out, struct failure *failure);
/* NULL-safe; nulls the caller's pointer. */
void callers_close(struct callers **callers);

/* `text` is the key or token as sent, or NULL. UNAUTHENTICATED: KEY_MISSING, KEY_INVALID and those
 * of tokens.h; PERMISSION_DENIED: SCOPE_MISSING. */
enum status callers_admit(struct callers *callers, const char *text, const struct method *method,
                          struct arena *arena, struct caller *caller_out, struct failure *failure);
/* How its files are, looked at now; returns how many it has. */
size_t callers_files(struct callers *callers, struct watched_file files_out[CALLERS_FILES_MAX]);
