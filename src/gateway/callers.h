/* Callers: who a request comes from and whether it may call the method. Over a file of keys
 * (access/keys.h), which is read again when it changes: a revoked key ends within a second, without
 * a restart. A file that has become malformed changes nothing; the log says so. Threads: any. */
#pragma once

#include "access/keys.h"
#include "gateway/method.h"

struct callers;

struct caller {
    bool is_known;                    /* false: callers are not told apart */
    char name[KEY_NAME_BYTES];        /* of its keys */
    char customer_id[KEY_NAME_BYTES]; /* whose orders it may see and make; "" = everybody's */
};

enum status callers_open(const char *path, const struct clock *clock, struct callers **callers_out,
                         struct failure *failure);
/* NULL-safe; nulls the caller's pointer. */
void callers_close(struct callers **callers);

/* `text` is the key as sent, or NULL. UNAUTHENTICATED: KEY_MISSING, KEY_INVALID; PERMISSION_DENIED:
 * SCOPE_MISSING. */
enum status callers_admit(struct callers *callers, const char *text, const struct method *method,
                          struct caller *caller_out, struct failure *failure);
