/* Keys: who may call the gateway, in one file that people can read and no one can use.
 * Read by order-gateway on every change; written by whoever gives keys out (orderctl keys).
 *
 * A key is "ok_<id>_<secret>": the id names it in lists and logs, the secret is 256 bits of chance
 * and stands nowhere but with its owner: the file has its SHA-256. One line a key: id sha256 name
 * customer scopes created expires
 * "-" for no customer and for no expiry; times in unix seconds.
 * Keys of one name are one caller: two at most, so that a new one can come before the old one goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"

#define KEY_ID_BYTES     17   /* 16 and the NUL */
#define KEY_SECRET_BYTES 32   /* 256 bits */
#define KEY_TEXT_BYTES   85   /* "ok_", id, "_", the secret in hex and the NUL */
#define KEY_NAME_BYTES   65   /* as all ids: 64 and the NUL */
#define KEY_SCOPES_BYTES 256  /* a dozen scopes */
#define KEYS_MAX         4096 /* a file for people, not a customer database */
#define KEYS_PER_NAME    2

struct key {
    char id[KEY_ID_BYTES];
    uint8_t hash[KEY_SECRET_BYTES];
    char name[KEY_NAME_BYTES];        /* whose it is */
    char customer_id[KEY_NAME_BYTES]; /* whose orders it may see and make; "" = everybody's */
    char scopes[KEY_SCOPES_BYTES];    /* "order.read,order.write"; "*" = all */
    int64_t create_s, expire_s;       /* unix; expire_s 0 = never */
};

struct keys {
    struct key *list;
    size_t count;
};

/* NOT_FOUND when there is no such file; FAILED_PRECONDITION (KEYS_MALFORMED) names the line. Ends
 * with keys_fini. */
enum status keys_load(const char *path, struct keys *keys_out, struct failure *failure);
/* In one step, and on disk when it returns. A new file is readable by the owner only; one that is
 * there keeps its owner and mode, so that the gateway can go on reading it. */
enum status keys_save(const struct keys *keys, const char *path, struct failure *failure);
void keys_fini(struct keys *keys);
/* Between loading and saving, so that of two who change the file at once neither undoes the
 * other's change. Makes an empty file where there is none; waits for whoever holds it. */
enum status keys_lock(const char *path, int *lock_out, struct failure *failure);
void keys_unlock(int lock);

/* Adds a key; `wanted` says name, customer_id, scopes and expire_s. The text is shown once and
 * cannot be had again. FAILED_PRECONDITION (TOO_MANY_KEYS) at the third of a name that has not
 * expired. */
enum status keys_create(struct keys *keys, const struct key *wanted, const struct clock *clock,
                        char text_out[KEY_TEXT_BYTES], struct failure *failure);
/* False when there is none of that id. */
bool keys_revoke(struct keys *keys, const char *id);

/* Whose key the text is; NULL when it is nobody's or has expired. Takes the same time for every
 * wrong secret. */
const struct key *keys_find(const struct keys *keys, const char *text, int64_t now_s);
/* Of a key or a token: whether the list has the scope, or "*". */
bool scopes_have(const char *scopes, const char *scope);
