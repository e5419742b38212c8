/* The issuer's public keys out of a JWKS file. See jwt.h. */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "access/jwt_inside.h"
#include "base/text_file.h"
#include "json/json_document.h"

#define ARENA_BYTES        (2 * JWT_FILE_BYTES_MAX) /* numbers, decoded */
#define ARENA_CHUNK_BYTES  4096
#define COORDINATE_BYTES   32 /* of P-256 and of Ed25519 */
#define POINT_UNCOMPRESSED 0x04

static enum status read_set(struct jwt_keys *keys, const char *path, const char *text,
                            struct arena *arena, struct failure *failure);
static const char *add_key(struct jwt_keys *keys, const struct json_node *node,
                           struct arena *arena);
static bool is_for_us(const struct json_node *node, enum jwt_algorithm algorithm);
static EVP_PKEY *make_key(const struct json_node *node, enum jwt_algorithm algorithm,
                          struct arena *arena);
static EVP_PKEY *make_rsa(const struct json_node *node, struct arena *arena);
static EVP_PKEY *make_ec(const struct json_node *node, struct arena *arena);
static EVP_PKEY *make_ed25519(const struct json_node *node, struct arena *arena);
static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *builder);
static bool decode_member(const struct json_node *node, const char *name, struct arena *arena,
                          struct bytes *bytes_out);

enum status jwt_keys_load(const char *path, enum jwt_algorithm algorithm,
                          struct jwt_keys **keys_out, struct failure *failure)
{
    struct arena arena;
    struct jwt_keys *keys = calloc(1, sizeof *keys);
    char *text = text_file_read(path, JWT_FILE_BYTES_MAX);
    if (keys == NULL || text == NULL) {
        free(keys);
        free(text);
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "JWKS_MALFORMED",
                           "%s cannot be read", path);
    }
    keys->algorithm = algorithm;
    arena_init(&arena, ARENA_CHUNK_BYTES, ARENA_BYTES);
    enum status status = read_set(keys, path, text, &arena, failure);
    arena_fini(&arena);
    free(text);
    if (status != STATUS_OK) {
        jwt_keys_destroy(&keys);
        return status;
    }
    *keys_out = keys;
    return STATUS_OK;
}

void jwt_keys_destroy(struct jwt_keys **keys)
{
    for (size_t i = 0; *keys != NULL && i < (*keys)->count; i++) {
        EVP_PKEY_free((*keys)->list[i].key);
    }
    free(*keys);
    *keys = NULL;
}

size_t jwt_keys_count(const struct jwt_keys *keys)
{
    return keys->count;
}

EVP_PKEY *jwt_keys_find(const struct jwt_keys *keys, struct bytes id)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (bytes_equal(bytes_of_text(keys->list[i].id), id)) {
            return keys->list[i].key;
        }
    }
    return NULL;
}

static enum status read_set(struct jwt_keys *keys, const char *path, const char *text,
                            struct arena *arena, struct failure *failure)
{
    struct json_document *document = json_document_read(bytes_of_text(text));
    const struct json_node *list =
        document == NULL ? NULL : json_node_member(json_document_root(document), "keys");
    const char *why = document == NULL ? "it is no JSON object" : NULL;
    for (size_t i = 0; why == NULL && i < json_node_count(list); i++) {
        why = add_key(keys, json_node_item(list, i), arena);
    }
    json_document_free(&document);
    if (why == NULL && keys->count == 0) {
        why = "it has no key with a kid that fits the algorithm";
    }
    return why == NULL ? STATUS_OK
                       : failure_set(failure, STATUS_FAILED_PRECONDITION, "JWKS_MALFORMED",
                                     "%s: %s", path, why);
}

/* Why the whole file is refused; NULL when it is not, whether the key is one for us or not. */
static const char *add_key(struct jwt_keys *keys, const struct json_node *node, struct arena *arena)
{
    struct bytes id;
    if (json_node_member(node, "d") != NULL || json_node_is(json_node_member(node, "kty"), "oct")) {
        return "it has a private key, which belongs to the issuer alone";
    }
    if (!is_for_us(node, keys->algorithm) || !json_node_text(json_node_member(node, "kid"), &id) ||
        id.size == 0) {
        return NULL;
    }
    if (id.size >= JWT_KEY_ID_BYTES || keys->count == JWT_KEYS_MAX) {
        return "it has too many keys, or one with too long a kid";
    }
    if (jwt_keys_find(keys, id) != NULL) {
        return "it has two keys of one kid";
    }
    struct jwt_key *key = &keys->list[keys->count];
    key->key = make_key(node, keys->algorithm, arena);
    if (key->key == NULL) {
        return "it has a key that is malformed or too weak";
    }
    memcpy(key->id, id.data, id.size);
    keys->count++;
    return NULL;
}

static bool is_for_us(const struct json_node *node, enum jwt_algorithm algorithm)
{
    static const char *const TYPES[] = {
        [JWT_RS256] = "RSA", [JWT_PS256] = "RSA", [JWT_ES256] = "EC", [JWT_EDDSA] = "OKP"};
    const struct json_node *use = json_node_member(node, "use");
    const struct json_node *alg = json_node_member(node, "alg");
    return json_node_is(json_node_member(node, "kty"), TYPES[algorithm]) &&
           (use == NULL || json_node_is(use, "sig")) &&
           (alg == NULL || json_node_is(alg, jwt_algorithm_name(algorithm)));
}

/* NULL when it is none. */
static EVP_PKEY *make_key(const struct json_node *node, enum jwt_algorithm algorithm,
                          struct arena *arena)
{
    switch (algorithm) {
    case JWT_RS256:
    case JWT_PS256:
        return make_rsa(node, arena);
    case JWT_ES256:
        return make_ec(node, arena);
    case JWT_EDDSA:
        return make_ed25519(node, arena);
    }
    return NULL;
}

static EVP_PKEY *make_rsa(const struct json_node *node, struct arena *arena)
{
    struct bytes n, e;
    if (!decode_member(node, "n", arena, &n) || !decode_member(node, "e", arena, &e) ||
        n.size > JWT_RSA_BITS_MOST / 8 || e.size > sizeof(uint64_t)) {
        return NULL;
    }
    BIGNUM *modulus = BN_bin2bn(n.data, (int)n.size, NULL);
    BIGNUM *exponent = BN_bin2bn(e.data, (int)e.size, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (modulus != NULL && exponent != NULL && builder != NULL &&
        BN_num_bits(modulus) >= JWT_RSA_BITS_LEAST && BN_is_odd(exponent) && !BN_is_one(exponent) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent)) {
        key = make("RSA", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static EVP_PKEY *make_ec(const struct json_node *node, struct arena *arena)
{
    struct bytes x, y;
    uint8_t point[1 + 2 * COORDINATE_BYTES] = {POINT_UNCOMPRESSED};
    if (!json_node_is(json_node_member(node, "crv"), "P-256") ||
        !decode_member(node, "x", arena, &x) || !decode_member(node, "y", arena, &y) ||
        x.size != COORDINATE_BYTES || y.size != COORDINATE_BYTES) {
        return NULL;
    }
    memcpy(point + 1, x.data, x.size);
    memcpy(point + 1 + COORDINATE_BYTES, y.data, y.size);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point)) {
        key = make("EC", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static EVP_PKEY *make_ed25519(const struct json_node *node, struct arena *arena)
{
    struct bytes x;
    if (!json_node_is(json_node_member(node, "crv"), "Ed25519") ||
        !decode_member(node, "x", arena, &x) || x.size != COORDINATE_BYTES) {
        return NULL;
    }
    return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.data, x.size);
}

/* Checked, too: a point beside the curve is no key. */
static EVP_PKEY *make(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || making == NULL || EVP_PKEY_fromdata_init(making) != 1 ||
        EVP_PKEY_fromdata(making, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(making);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX *checking = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (key != NULL && (checking == NULL || EVP_PKEY_public_check(checking) != 1)) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(checking);
    return key;
}

static bool decode_member(const struct json_node *node, const char *name, struct arena *arena,
                          struct bytes *bytes_out)
{
    struct bytes text;
    return json_node_text(json_node_member(node, name), &text) && text.size > 0 &&
           jwt_decode(text, arena, bytes_out);
}
