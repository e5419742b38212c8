/* Page token: where a list goes on, opaque to callers and bound to what was asked.
 * A token is base64url of a checksum over (list, filter, position), then the position. So a token
 * of another list, of another filter, cut, or made up is refused; it holds nothing secret. Used by
 * the query files. Pure. */
#pragma once

#include "base/arena.h"
#include "base/status.h"

#define PAGE_TOKEN_POSITION_BYTES_MAX 64 /* a product_id, or a time and a UUID */
#define PAGE_TOKEN_BYTES_MAX          100

/* `list` names the list ("orders"), `filter` all that narrows it. NULL when the arena is full. */
const char *page_token_make(const char *list, struct bytes filter, struct bytes position,
                            struct arena *arena);
/* INVALID_ARGUMENT, BAD_PAGE_TOKEN. The position lives in the arena. */
enum status page_token_read(const char *token, const char *list, struct bytes filter,
                            struct arena *arena, struct bytes *position_out,
                            struct failure *failure);
