/* Book scripts: the Lua texts that are compiled in, bound to an epoch, and their names (SHA-1).
 * Called by the book_*.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BOOK_SCRIPT_SHA_BYTES 41 /* 40 hex digits and the NUL */

struct book_script {
    const char *pattern; /* the text with @EPOCH@ in it */
    char *text;
    char sha[BOOK_SCRIPT_SHA_BYTES];
};

/* `pattern` is borrowed. False when memory is out. Bound to epoch 0, in which nothing is ever sold.
 */
bool book_script_init(struct book_script *script, const char *pattern);
void book_script_fini(struct book_script *script);
void book_script_bind(struct book_script *script, int64_t epoch);
