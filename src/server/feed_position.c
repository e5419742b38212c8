/* See order_reader.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/order_reader.h"

#define XID_DIGITS   16
#define PLACE_DIGITS 8
#define TEXT_BYTES   (XID_DIGITS + 1 + PLACE_DIGITS + 1)

const char *feed_position_print(const struct feed_position *position, struct arena *arena)
{
    char *text = arena_alloc(arena, TEXT_BYTES);
    if (text != NULL) {
        (void)snprintf(text, TEXT_BYTES, "%016" PRIx64 "-%08" PRIx64, (uint64_t)position->xid,
                       (uint64_t)position->place & UINT32_MAX);
    }
    return text;
}

bool feed_position_parse(const char *text, struct feed_position *position_out)
{
    static const char DIGITS[] = "0123456789abcdef";
    if (strlen(text) != TEXT_BYTES - 1 || strspn(text, DIGITS) != XID_DIGITS ||
        text[XID_DIGITS] != '-' || strspn(text + XID_DIGITS + 1, DIGITS) != PLACE_DIGITS) {
        return false;
    }
    uint64_t xid = strtoull(text, NULL, 16);
    if (xid > INT64_MAX) {
        return false;
    }
    position_out->xid = (int64_t)xid;
    position_out->place = (int64_t)strtoull(text + XID_DIGITS + 1, NULL, 16);
    return true;
}
