/* What both ends of a call agree on. */
#pragma once

#define RPC_MESSAGE_BYTES_MAX                                                              \
    (1024 * 1024)                    /* envelope and message; the largest order is a tenth \
                                      */
#define RPC_TIMEOUT_MS_DEFAULT 2000  /* for callers that name none */
#define RPC_TIMEOUT_MS_MAX     30000 /* longer waits belong to the caller, as polls */
#define RPC_CALL_ID_BYTES      65    /* 64 and the NUL */
/* A hostile message unpacks to a hundred times its size; the largest order takes 1 MiB. */
#define RPC_CALL_MEMORY_BYTES_MAX (8 * 1024 * 1024)
