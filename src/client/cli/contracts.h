/* Contracts: what a server says that it speaks, over rpc.v1.Reflection. */
#pragma once

#include <google/protobuf/descriptor.pb-c.h>

#include "client/cli/cli.h"

/* Lives in cli->arena. INTERNAL, BAD_CONTRACTS when what came is no FileDescriptorSet. */
enum status cli_get_contracts(struct cli *cli, Google__Protobuf__FileDescriptorSet **set_out,
                              struct failure *failure);
