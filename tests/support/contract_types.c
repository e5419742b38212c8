/* See contract_types.h. */
#include "tests/support/contract_types.h"

#include <assert.h>
#include <google/rpc/error_details.pb-c.h>
#include <grpc/health/v1/health.pb-c.h>
#include <rpc/v1/envelope.pb-c.h>
#include <shop/v1/admin_service.pb-c.h>
#include <shop/v1/events.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <string.h>

void contract_types_collect(struct contract_types *types)
{
    static const ProtobufCServiceDescriptor *const SERVICES[] = {
        &shop__v1__order_service__descriptor, &shop__v1__product_service__descriptor,
        &shop__v1__admin_service__descriptor, &grpc__health__v1__health__descriptor};
    static const ProtobufCMessageDescriptor *const OTHERS[] = {
        &shop__v1__event_batch__descriptor,    &rpc__v1__request_header__descriptor,
        &rpc__v1__response_header__descriptor, &google__rpc__error_info__descriptor,
        &google__rpc__bad_request__descriptor, &google__rpc__retry_info__descriptor};
    types->count = 0;
    for (size_t i = 0; i < sizeof SERVICES / sizeof *SERVICES; i++) {
        for (unsigned j = 0; j < SERVICES[i]->n_methods; j++) {
            contract_types_add(types, SERVICES[i]->methods[j].input);
            contract_types_add(types, SERVICES[i]->methods[j].output);
        }
    }
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        contract_types_add(types, OTHERS[i]);
    }
}

void contract_types_add(struct contract_types *types, const ProtobufCMessageDescriptor *type)
{
    if (contract_types_find(types, type->name) != NULL || strstr(type->name, "Entry") != NULL) {
        return;
    }
    assert(types->count < CONTRACT_TYPES_MAX);
    types->list[types->count++] = type;
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE) {
            contract_types_add(types, type->fields[i].descriptor);
        }
    }
}

const ProtobufCMessageDescriptor *contract_types_find(const struct contract_types *types,
                                                      const char *name)
{
    for (size_t i = 0; i < types->count; i++) {
        if (strcmp(types->list[i]->name, name) == 0) {
            return types->list[i];
        }
    }
    return NULL;
}
