/* If-Match (RFC 9110, 13.1.1): "*" or a list of etags, one of which the thing must still have.
 * Compared strongly: a weak etag ("W/...") matches nothing, nor does one that no server of ours
 * makes. The servers compare one etag, atomically with the change; so the first is sent, and when
 * the thing has another one of the list, that (rest.c). Pure. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

/* Who has read a thing more often than that since it last changed? */
#define IF_MATCH_ETAGS_MAX 16

struct if_match {
    const char **etags; /* those that may match */
    size_t count;
};

/* `header`: all lines of it, joined; "*" has no place here. INVALID_ARGUMENT, IF_MATCH_MALFORMED:
 * it is no such list, or a longer one. Everything lives in the arena. */
enum status if_match_read(const char *header, struct arena *arena, struct if_match *if_match_out,
                          struct failure *failure);
/* Which of the etags a thing has, as the ETAG_MISMATCH says; NULL for none. */
const char *if_match_find(const struct if_match *if_match, const struct failure *mismatch);
