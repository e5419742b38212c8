/* See idempotency.h. */
#include "rpc/idempotency.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *path, const void *entry)
{
    return strcmp(path, ((const struct rpc_idempotency_entry *)entry)->path);
}

enum rpc_idempotency rpc_idempotency_of(const char *path)
{
    const struct rpc_idempotency_entry *found =
        bsearch(path, rpc_idempotency_table, rpc_idempotency_count, sizeof rpc_idempotency_table[0],
                compare);
    return found != NULL ? found->idempotency : RPC_EFFECTS_UNKNOWN;
}
