/* See jwt.h. */
#include "access/jwt.h"

#include <string.h>
#include <strings.h>

#include "access/jwt_inside.h"
#include "access/key_text.h"
#include "json/base64.h"
#include "json/json_document.h"

#define DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* The three parts, still encoded, and what the first two are signed as. */
struct parts {
    struct bytes header, claims, signature, signed_text;
};

static bool split(const char *text, struct parts *parts);
static const char *check_signature(const struct jwt_keys *keys, const struct jwt_rules *rules,
                                   const struct parts *parts, struct arena *arena);
static const char *check_header(const struct json_node *header, const struct jwt_rules *rules);
static enum status check_claims(const struct json_node *claims, const struct jwt_rules *rules,
                                int64_t now_s, struct jwt_claims *claims_out,
                                struct failure *failure);
static enum status check_time(const struct json_node *claims, const struct jwt_rules *rules,
                              int64_t now_s, struct failure *failure);
static bool has_audience(const struct json_node *audience, const char *wanted);
static const char *read_claims(const struct json_node *claims, const struct jwt_rules *rules,
                               struct jwt_claims *out);
static bool read_scopes(const struct json_node *scope, struct jwt_claims *out);
static bool add_scopes(struct bytes text, struct jwt_claims *out);
static bool copy_text(const struct json_node *node, char *out, size_t room);
static enum status refuse(struct failure *failure, const char *why);

bool jwt_algorithm_parse(const char *name, enum jwt_algorithm *algorithm_out)
{
    for (int i = JWT_RS256; i <= JWT_EDDSA; i++) {
        if (strcmp(name, jwt_algorithm_name((enum jwt_algorithm)i)) == 0) {
            *algorithm_out = (enum jwt_algorithm)i;
            return true;
        }
    }
    return false;
}

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
    switch (algorithm) {
    case JWT_RS256:
        return "RS256";
    case JWT_PS256:
        return "PS256";
    case JWT_ES256:
        return "ES256";
    case JWT_EDDSA:
        return "EdDSA";
    }
    return "";
}

enum status jwt_check(const struct jwt_keys *keys, const struct jwt_rules *rules, const char *text,
                      int64_t now_s, struct arena *arena, struct jwt_claims *claims_out,
                      struct failure *failure)
{
    struct parts parts;
    struct bytes decoded;
    if (!split(text, &parts)) {
        return refuse(failure, "this is neither an API key nor a token");
    }
    const char *why = check_signature(keys, rules, &parts, arena);
    if (why != NULL) {
        return refuse(failure, why);
    }
    struct json_document *document =
        jwt_decode(parts.claims, arena, &decoded) ? json_document_read(decoded) : NULL;
    if (document == NULL) {
        return refuse(failure, "the token's claims are malformed");
    }
    struct jwt_claims claims = {0};
    enum status status = check_claims(json_document_root(document), rules, now_s, &claims, failure);
    json_document_free(&document);
    if (status == STATUS_OK) {
        *claims_out = claims;
    }
    return status;
}

static bool split(const char *text, struct parts *parts)
{
    struct bytes *const EACH[] = {&parts->header, &parts->claims, &parts->signature};
    const char *at = text;
    if (strnlen(text, JWT_BYTES_MAX + 1) > JWT_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t size = strspn(at, DIGITS);
        *EACH[i] = bytes_of(at, size);
        if (size == 0 || at[size] != (i < 2 ? '.' : '\0')) {
            return false;
        }
        at += size + 1;
    }
    parts->signed_text =
        bytes_of(text, (size_t)(parts->claims.data + parts->claims.size - (const uint8_t *)text));
    return true;
}

/* NULL when it is an issuer's. */
static const char *check_signature(const struct jwt_keys *keys, const struct jwt_rules *rules,
                                   const struct parts *parts, struct arena *arena)
{
    struct bytes decoded, id, signature;
    if (!jwt_decode(parts->header, arena, &decoded) || decoded.size > JWT_HEADER_BYTES_MAX ||
        !jwt_decode(parts->signature, arena, &signature)) {
        return "the token is malformed";
    }
    struct json_document *document = json_document_read(decoded);
    const struct json_node *header = document == NULL ? NULL : json_document_root(document);
    const char *why = header == NULL ? "the token is malformed" : check_header(header, rules);
    if (why == NULL) {
        EVP_PKEY *key =
            json_node_text(json_node_member(header, "kid"), &id) ? jwt_keys_find(keys, id) : NULL;
        if (key == NULL) {
            why = "the token's kid is not among the issuer's keys";
        } else if (!jwt_verify(key, rules->algorithm, parts->signed_text, signature)) {
            why = "the token's signature is wrong";
        }
    }
    json_document_free(&document);
    return why;
}

/* Tokens of other kinds (ID tokens aside, which look the same) say so in `typ`. */
static const char *check_header(const struct json_node *header, const struct jwt_rules *rules)
{
    static const char *const TYPES[] = {"JWT", "at+jwt", "application/at+jwt"};
    const struct json_node *type = json_node_member(header, "typ");
    struct bytes text;
    bool is_type = type == NULL;
    if (!json_node_is(json_node_member(header, "alg"), jwt_algorithm_name(rules->algorithm))) {
        return "the token's algorithm is not the one that is expected";
    }
    if (json_node_member(header, "crit") != NULL) {
        return "the token asks for what is not understood (crit)";
    }
    for (size_t i = 0; !is_type && i < sizeof TYPES / sizeof *TYPES; i++) {
        is_type = json_node_text(type, &text) && strcasecmp((const char *)text.data, TYPES[i]) == 0;
    }
    return is_type ? NULL : "the token is of another type";
}

static enum status check_claims(const struct json_node *claims, const struct jwt_rules *rules,
                                int64_t now_s, struct jwt_claims *claims_out,
                                struct failure *failure)
{
    if (!json_node_is(json_node_member(claims, "iss"), rules->issuer)) {
        return refuse(failure, "the token is of another issuer");
    }
    if (!has_audience(json_node_member(claims, "aud"), rules->audience)) {
        return refuse(failure, "the token is for another audience");
    }
    enum status status = check_time(claims, rules, now_s, failure);
    if (status != STATUS_OK) {
        return status;
    }
    const char *why = read_claims(claims, rules, claims_out);
    return why == NULL ? STATUS_OK : refuse(failure, why);
}

static enum status check_time(const struct json_node *claims, const struct jwt_rules *rules,
                              int64_t now_s, struct failure *failure)
{
    const struct json_node *since = json_node_member(claims, "nbf");
    int64_t expire_s, since_s = 0;
    if (!json_node_integer(json_node_member(claims, "exp"), &expire_s) ||
        (since != NULL && !json_node_integer(since, &since_s))) {
        return refuse(failure, "the token has no time of its end (exp)");
    }
    if (now_s - rules->leeway_s >= expire_s) {
        return failure_set(failure, STATUS_UNAUTHENTICATED, "TOKEN_EXPIRED",
                           "the token has expired");
    }
    if (since != NULL && now_s + rules->leeway_s < since_s) {
        return refuse(failure, "the token is not in force yet");
    }
    return STATUS_OK;
}

static bool has_audience(const struct json_node *audience, const char *wanted)
{
    bool has = json_node_is(audience, wanted);
    for (size_t i = 0; !has && i < json_node_count(audience); i++) {
        has = json_node_is(json_node_item(audience, i), wanted);
    }
    return has;
}

static const char *read_claims(const struct json_node *claims, const struct jwt_rules *rules,
                               struct jwt_claims *out)
{
    const struct json_node *customer = json_node_member(claims, rules->customer_claim);
    if (!copy_text(json_node_member(claims, "sub"), out->subject, sizeof out->subject)) {
        return "the token names no subject (sub)";
    }
    if (!read_scopes(json_node_member(claims, rules->scope_claim), out)) {
        return "the token's scopes are malformed";
    }
    if (key_text_has_word(out->scopes, JWT_SCOPE_ANY_CUSTOMER)) {
        return NULL;
    }
    if (!copy_text(customer, out->customer_id, sizeof out->customer_id) ||
        !key_text_is_made_of(out->customer_id, KEY_NAME_LETTERS)) {
        return "the token names no customer";
    }
    return NULL;
}

/* "order.read order.write" (RFC 8693), or an array of texts as some issuers have it. */
static bool read_scopes(const struct json_node *scope, struct jwt_claims *out)
{
    struct bytes text;
    if (scope == NULL) {
        return true;
    }
    if (json_node_text(scope, &text)) {
        return add_scopes(text, out);
    }
    for (size_t i = 0; i < json_node_count(scope); i++) {
        if (!json_node_text(json_node_item(scope, i), &text) || !add_scopes(text, out)) {
            return false;
        }
    }
    return json_node_count(scope) > 0;
}

/* Those that are none of ours ("openid", "https://...") are left out. */
static bool add_scopes(struct bytes text, struct jwt_claims *out)
{
    size_t used = strlen(out->scopes);
    for (const char *at = (const char *)text.data; *at != '\0';) {
        size_t size = strcspn(at, " ");
        size_t fitting = strspn(at, KEY_SCOPE_LETTERS);
        if (size > 0 && fitting >= size && memchr(at, ',', size) == NULL) {
            if (used + size + 2 > sizeof out->scopes) {
                return false;
            }
            if (used > 0) {
                out->scopes[used++] = ',';
            }
            memcpy(out->scopes + used, at, size);
            used += size;
            out->scopes[used] = '\0';
        }
        at += size + (at[size] == ' ');
    }
    return true;
}

/* False when it is no text, empty or too long. */
static bool copy_text(const struct json_node *node, char *out, size_t room)
{
    struct bytes text;
    if (!json_node_text(node, &text) || text.size == 0 || text.size >= room) {
        return false;
    }
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

bool jwt_decode(struct bytes text, struct arena *arena, struct bytes *bytes_out)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\0' || strchr(DIGITS, text.data[i]) == NULL) {
            return false;
        }
    }
    return base64_decode(text, arena, bytes_out);
}

static enum status refuse(struct failure *failure, const char *why)
{
    return failure_set(failure, STATUS_UNAUTHENTICATED, "TOKEN_INVALID", "%s", why);
}
