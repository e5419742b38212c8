/* Connect error: a failure as the Connect protocol writes it, always JSON. Pure. */
#pragma once

#include "base/arena.h"
#include "base/status.h"

/* {"code":"not_found","message":"...","details":[{"type":...,"value":base64,"debug":{...}}]}
 * A fixed text when the arena is full. */
struct bytes connect_error_print(const struct failure *failure, struct arena *arena);
