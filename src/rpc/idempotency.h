/* Idempotency: which methods may be called twice, as the contracts say it (idempotency_level).
 * protoc-c leaves options out, so a table is made of them at build time (make_idempotency.c). */
#pragma once

enum rpc_idempotency {
    RPC_EFFECTS_UNKNOWN, /* the contract says nothing, or is not known here */
    RPC_NO_SIDE_EFFECTS,
    RPC_IDEMPOTENT,
};

/* "/shop.v1.OrderService/GetOrder" */
enum rpc_idempotency rpc_idempotency_of(const char *path);

/* The table, by path. */
struct rpc_idempotency_entry {
    const char *path;
    enum rpc_idempotency idempotency;
};
extern const struct rpc_idempotency_entry rpc_idempotency_table[];
extern const unsigned rpc_idempotency_count;
