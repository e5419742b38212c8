/* See keys.h. */
#include "access/keys.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/key_text.h"
#include "base/uuid.h"

#define PREFIX    "ok_"
#define ID_DIGITS (KEY_ID_BYTES - 1)

static enum status check_wanted(const struct keys *keys, const struct key *wanted, int64_t now_s,
                                struct failure *failure);
static void hash_secret(const uint8_t *secret, uint8_t hash_out[KEY_SECRET_BYTES]);

void keys_fini(struct keys *keys)
{
    free(keys->list);
    *keys = (struct keys){0};
}

enum status keys_create(struct keys *keys, const struct key *wanted, const struct clock *clock,
                        char text_out[KEY_TEXT_BYTES], struct failure *failure)
{
    int64_t now_s = clock_unix_us(clock) / 1000000;
    enum status status = check_wanted(keys, wanted, now_s, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct key *list = realloc(keys->list, (keys->count + 1) * sizeof *list);
    if (list == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY", "no memory");
    }
    keys->list = list;
    struct key *key = &list[keys->count++];
    uint8_t id[ID_DIGITS / 2], secret[KEY_SECRET_BYTES];
    char digits[2 * KEY_SECRET_BYTES + 1];
    *key = *wanted;
    key->create_s = now_s;
    clock->random(clock->state, id, sizeof id);
    clock->random(clock->state, secret, sizeof secret);
    key_text_print_hex(id, sizeof id, key->id);
    hash_secret(secret, key->hash);
    key_text_print_hex(secret, sizeof secret, digits);
    (void)snprintf(text_out, KEY_TEXT_BYTES, PREFIX "%s_%s", key->id, digits);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(digits, sizeof digits);
    return STATUS_OK;
}

static enum status check_wanted(const struct keys *keys, const struct key *wanted, int64_t now_s,
                                struct failure *failure)
{
    size_t same = 0;
    if (!key_text_is_made_of(wanted->name, KEY_NAME_LETTERS)) {
        return failure_set_field(failure, "name", "BAD_VALUE", "1 to 64 of [A-Za-z0-9._:-]");
    }
    /* "-" is how the file says that there is none. */
    if (strcmp(wanted->customer_id, "-") == 0 ||
        (wanted->customer_id[0] != '\0' &&
         !key_text_is_made_of(wanted->customer_id, KEY_NAME_LETTERS))) {
        return failure_set_field(failure, "customer", "BAD_VALUE", "1 to 64 of [A-Za-z0-9._:-]");
    }
    if (!key_text_is_made_of(wanted->scopes, KEY_SCOPE_LETTERS)) {
        return failure_set_field(failure, "scopes", "BAD_VALUE",
                                 "such as order.read,order.write, or * for all");
    }
    if (wanted->expire_s != 0 && wanted->expire_s <= now_s) {
        return failure_set_field(failure, "expires", "BAD_VALUE", "this time is over already");
    }
    for (size_t i = 0; i < keys->count; i++) {
        bool is_live = keys->list[i].expire_s == 0 || keys->list[i].expire_s > now_s;
        same += is_live && strcmp(keys->list[i].name, wanted->name) == 0;
    }
    if (same >= KEYS_PER_NAME || keys->count >= KEYS_MAX) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "TOO_MANY_KEYS",
                           "%s has %d keys already: revoke one first", wanted->name, KEYS_PER_NAME);
    }
    return STATUS_OK;
}

bool key_text_is_made_of(const char *text, const char *letters)
{
    return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

bool keys_revoke(struct keys *keys, const char *id)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->list[i].id, id) == 0) {
            memmove(&keys->list[i], &keys->list[i + 1], (keys->count - i - 1) * sizeof *keys->list);
            keys->count--;
            return true;
        }
    }
    return false;
}

const struct key *keys_find(const struct keys *keys, const char *text, int64_t now_s)
{
    static const struct key nobody = {.id = ""};
    uint8_t secret[KEY_SECRET_BYTES], hash[KEY_SECRET_BYTES];
    const char *id = text + strlen(PREFIX);
    if (strlen(text) != KEY_TEXT_BYTES - 1 || strncmp(text, PREFIX, strlen(PREFIX)) != 0 ||
        id[ID_DIGITS] != '_' || !key_text_parse_hex(id + ID_DIGITS + 1, secret, sizeof secret)) {
        return NULL;
    }
    /* Ids are no secret; of a wrong one the secret is hashed and compared all the same. */
    const struct key *found = &nobody;
    for (size_t i = 0; i < keys->count; i++) {
        if (strncmp(keys->list[i].id, id, ID_DIGITS) == 0) {
            found = &keys->list[i];
        }
    }
    hash_secret(secret, hash);
    OPENSSL_cleanse(secret, sizeof secret);
    bool is_equal = CRYPTO_memcmp(hash, found->hash, sizeof hash) == 0;
    bool is_live = found->expire_s == 0 || found->expire_s > now_s;
    return is_equal && is_live && found != &nobody ? found : NULL;
}

bool scopes_have(const char *scopes, const char *scope)
{
    return key_text_has_word(scopes, "*") || key_text_has_word(scopes, scope);
}

bool key_text_has_word(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ",");
        if (length == size && size > 0 && memcmp(at, word, size) == 0) {
            return true;
        }
        at += length + (at[length] == ',');
    }
    return false;
}

/* 256 bits of chance need no salt and no slow hash: there is nothing to guess. */
static void hash_secret(const uint8_t *secret, uint8_t hash_out[KEY_SECRET_BYTES])
{
    static const char PURPOSE[] = "order-gateway key";
    const struct hash_part parts[] = {{PURPOSE, sizeof PURPOSE - 1}, {secret, KEY_SECRET_BYTES}};
    hash_parts(parts, 2, hash_out);
}

void key_text_print_hex(const uint8_t *bytes, size_t size, char *out)
{
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

bool key_text_parse_hex(const char *text, uint8_t *out, size_t size)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t i = 0; i < 2 * size; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(DIGITS, text[i]);
        if (digit == NULL) {
            return false;
        }
        unsigned value = (unsigned)(digit - DIGITS);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    return text[2 * size] == '\0';
}
