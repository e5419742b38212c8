/* URI: the pieces of a path and a query (RFC 3986), as views; decoding is a step of its own, so
 * that an escaped separator stays text. Pure. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"

/* Undoes %XX (and '+' as a space, in a query). False when it is malformed or the arena is full. The
 * result may hold any byte. */
bool uri_decode(struct bytes text, bool is_query, struct arena *arena, struct bytes *out);
/* The next name=value of a query, undecoded; false at the end. An '=' may be missing. */
bool uri_next_parameter(struct bytes *query, struct bytes *name_out, struct bytes *value_out);
/* The value of a parameter, decoded; its data is NULL when it is not there or malformed. */
struct bytes uri_find_parameter(struct bytes query, const char *name, struct arena *arena);
