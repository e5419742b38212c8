/* JWT inside: what jwt.c, jwt_keys.c and jwt_verify.c share; nobody else includes it. */
#pragma once

#include <openssl/evp.h>

#include "access/jwt.h"
#include "base/bytes.h"

struct jwt_key {
    char id[JWT_KEY_ID_BYTES];
    EVP_PKEY *key;
};

struct jwt_keys {
    enum jwt_algorithm algorithm;
    size_t count;
    struct jwt_key list[JWT_KEYS_MAX];
};

/* NULL when there is none. */
EVP_PKEY *jwt_keys_find(const struct jwt_keys *keys, struct bytes id);
bool jwt_verify(EVP_PKEY *key, enum jwt_algorithm algorithm, struct bytes text,
                struct bytes signature);
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);
/* Base64 without padding, of the URL's alphabet only. */
bool jwt_decode(struct bytes text, struct arena *arena, struct bytes *bytes_out);
