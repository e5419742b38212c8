/* JWT: bearer tokens that an issuer elsewhere has signed (RFC 7519, 7515, 9068), and that issuer's
 * public keys in a JWKS file (RFC 7517). Used by order-gateway. Over OpenSSL; knows no HTTP.
 * Always: the algorithm is ours, never the token's: one is pinned, and all of them take public
 * keys, so that who reads our files can make no token. A token is taken whole or not at all:
 * nothing of its claims is looked at before its signature has been verified. Threads: jwt_keys may
 * be used by any number at once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#define JWT_BYTES_MAX        8192   /* what fits beside other headers; usual ones have 1 KiB */
#define JWT_HEADER_BYTES_MAX 1024   /* decoded: three short members */
#define JWT_KEYS_MAX         32     /* an issuer has two or three while it changes them */
#define JWT_FILE_BYTES_MAX   262144 /* of the JWKS file: 32 keys with their certificates */
#define JWT_RSA_BITS_LEAST   2048   /* what NIST SP 800-131A still lets pass */
#define JWT_RSA_BITS_MOST    8192   /* verifying takes longer with each */
#define JWT_LEEWAY_S_MAX     300    /* beyond it a clock is broken, not late */
#define JWT_KEY_ID_BYTES     129
#define JWT_SUBJECT_BYTES    129
#define JWT_CUSTOMER_BYTES   65 /* as all ids: 64 and the NUL */
#define JWT_SCOPES_BYTES     1024
#define JWT_SCOPE_ANY_CUSTOMER                                        \
    "customer.any" /* who has it stands for no customer in particular \
                    */

enum jwt_algorithm {
    JWT_RS256,
    JWT_PS256,
    JWT_ES256,
    JWT_EDDSA, /* Ed25519 */
};
/* "RS256", "PS256", "ES256", "EdDSA". */
bool jwt_algorithm_parse(const char *name, enum jwt_algorithm *algorithm_out);

struct jwt_keys;

/* The keys of the file that fit the algorithm and are for signatures. FAILED_PRECONDITION
 * (JWKS_MALFORMED): it cannot be read, holds a private key, two keys of one kid, or none that fits.
 */
enum status jwt_keys_load(const char *path, enum jwt_algorithm algorithm,
                          struct jwt_keys **keys_out, struct failure *failure);
/* NULL-safe; nulls the caller's pointer. */
void jwt_keys_destroy(struct jwt_keys **keys);
size_t jwt_keys_count(const struct jwt_keys *keys);

struct jwt_rules {
    enum jwt_algorithm algorithm;
    const char *issuer, *audience;            /* `iss`, and one of `aud` */
    const char *customer_claim, *scope_claim; /* "sub", "scope" */
    int64_t leeway_s;                         /* that clocks may differ by */
};

struct jwt_claims {
    char subject[JWT_SUBJECT_BYTES];
    char customer_id[JWT_CUSTOMER_BYTES]; /* "" with the scope JWT_SCOPE_ANY_CUSTOMER */
    char scopes[JWT_SCOPES_BYTES];        /* as a key's (keys.h): comma separated */
};

/* UNAUTHENTICATED: TOKEN_INVALID, TOKEN_EXPIRED. */
enum status jwt_check(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *text,
                      int64_t now_s, struct arena *arena, struct jwt_claims *claims_out,
                      struct failure *failure);
