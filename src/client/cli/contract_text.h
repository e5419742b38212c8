/* Contract text: a service, message or enum of a FileDescriptorSet as a .proto file would say it,
 * with its comments. Used by `orderctl describe`. Knows no contract of its own: all is the
 * server's. */
#pragma once

#include <google/protobuf/descriptor.pb-c.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints what has this full name: "shop.v1.OrderService", "shop.v1.OrderService.GetOrder" or with a
 * slash (then also the method's request and response), "shop.v1.Order", "shop.v1.Order.State".
 * False when there is no such thing. */
bool contract_print(FILE *out, const Google__Protobuf__FileDescriptorSet *set, const char *name);
/* Every service of the set. */
void contract_print_services(FILE *out, const Google__Protobuf__FileDescriptorSet *set);
/* A line for each method of a service; false when there is no such service. */
bool contract_print_methods(FILE *out, const Google__Protobuf__FileDescriptorSet *set,
                            const char *service);
