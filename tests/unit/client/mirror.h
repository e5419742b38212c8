/* A server of json.test.Mirror, which orderctl was not built for, with its contracts. */
#pragma once

#include <google/protobuf/descriptor.pb-c.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "rpc/server.h"

struct mirror {
    struct rpc_server *server;
    char endpoint[128];
    const char *endpoints[1];
};

/* Hands out `contracts` in place of its own when they are not empty. Serving when it returns. */
void mirror_start(struct mirror *mirror, struct bytes contracts);
void mirror_stop(struct mirror *mirror);
/* Its own, in the arena: what protoc makes of tests/unit/json/proto. */
Google__Protobuf__FileDescriptorSet *mirror_contracts(struct arena *arena);
