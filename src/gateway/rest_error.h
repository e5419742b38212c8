/* REST error: a failure as Google's APIs write it. Pure. */
#pragma once

#include "base/arena.h"
#include "base/status.h"

/* {"error":{"code":404,"message":"...","status":"NOT_FOUND","details":[{"@type":...}]}}
 * A fixed text when the arena is full. */
struct bytes rest_error_print(const struct failure *failure, unsigned http_status,
                              struct arena *arena);
