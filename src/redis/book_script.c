/* See book_script.h. */
#include "redis/book_script.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK        "@EPOCH@"
#define MARK_SIZE   (sizeof MARK - 1)
#define EPOCH_BYTES 21 /* 20 characters and the NUL */

bool book_script_init(struct book_script *script, const char *pattern)
{
    size_t marks = 0;
    for (const char *at = pattern; (at = strstr(at, MARK)) != NULL; at += MARK_SIZE) {
        marks++;
    }
    script->pattern = pattern;
    script->text = malloc(strlen(pattern) + marks * EPOCH_BYTES + 1);
    if (script->text == NULL) {
        return false;
    }
    book_script_bind(script, 0);
    return true;
}

void book_script_fini(struct book_script *script)
{
    free(script->text);
    script->text = NULL;
}

void book_script_bind(struct book_script *script, int64_t epoch)
{
    char number[EPOCH_BYTES];
    size_t digits = (size_t)snprintf(number, sizeof number, "%" PRId64, epoch);
    const char *from = script->pattern;
    char *to = script->text;
    const char *mark;
    while ((mark = strstr(from, MARK)) != NULL) {
        memcpy(to, from, (size_t)(mark - from));
        to += mark - from;
        memcpy(to, number, digits);
        to += digits;
        from = mark + MARK_SIZE;
    }
    memcpy(to, from, strlen(from) + 1);

    uint8_t hash[SHA_DIGEST_LENGTH];
    (void)SHA1((const uint8_t *)script->text, strlen(script->text), hash);
    for (size_t i = 0; i < sizeof hash; i++) {
        (void)snprintf(script->sha + 2 * i, 3, "%02x", hash[i]);
    }
}
