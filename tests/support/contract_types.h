/* Contract types: every message of the contracts by name, found from the services and from the few
 * messages that no service mentions. For the tests and fuzzers of src/json. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#define CONTRACT_TYPES_MAX 256

struct contract_types {
    const ProtobufCMessageDescriptor *list[CONTRACT_TYPES_MAX];
    size_t count;
};

void contract_types_collect(struct contract_types *types);
/* With all that its fields hold; map entries stay out. */
void contract_types_add(struct contract_types *types, const ProtobufCMessageDescriptor *type);
/* NULL when there is none. */
const ProtobufCMessageDescriptor *contract_types_find(const struct contract_types *types,
                                                      const char *name);
