/* Make contracts: a FileDescriptorSet, for the programs that make C and OpenAPI out of it at build
 * time. What they cannot make right ends the build: give_up. */
#pragma once

#include <google/api/http.pb-c.h>
#include <google/protobuf/descriptor.pb-c.h>
#include <stdbool.h>
#include <stddef.h>

#define CONTRACTS_PATH_MAX 8 /* a value of an enum in a message in a message */

typedef Google__Protobuf__FileDescriptorSet contract_set;
typedef Google__Protobuf__FileDescriptorProto contract_file;
typedef Google__Protobuf__ServiceDescriptorProto contract_service;
typedef Google__Protobuf__MethodDescriptorProto contract_method;

/* Where in a file a declaration stands, as its source info counts it. */
struct contract_place {
    const contract_file *file;
    size_t size;
    int32_t path[CONTRACTS_PATH_MAX];
};

contract_set *contracts_load(const char *path);
bool contracts_is_listed(const char *name, char **list, int count);
/* The google.api.http of a method, for google__api__http_rule__free_unpacked; NULL for none. */
Google__Api__HttpRule *contracts_find_rule(const contract_method *method);
/* shop.v1.public_max_age_s; 0 for none. */
unsigned contracts_find_max_age(const contract_method *method);
/* shop.v1.may_share_messages. */
bool contracts_may_share(const contract_method *method);
/* shop.v1.delays_answer: the field that has it; NULL: there is none. */
const char *contracts_find_delaying(const Google__Protobuf__DescriptorProto *request);
bool contracts_is_safe(const contract_method *method);
/* "GET" and "/v1/orders/{order_id}". */
void contracts_read_rule(const Google__Api__HttpRule *rule, const char *method,
                         const char **verb_out, const char **template_out);

/* The place within it: field 4 of a file, number 3 of those. */
struct contract_place contracts_within(struct contract_place place, int32_t field, size_t number);
/* The comment above it; "" for none. */
const char *contracts_comment(struct contract_place place);

/* "OrderService" -> "order.read" or "order.write", without a NUL when it does not fit. */
void contracts_scope(const char *service, bool is_safe, char *out, size_t room);
/* "OrderLine" -> "order_line". */
void contracts_snake(const char *name, size_t size, char *out, size_t room);
_Noreturn void contracts_give_up(const char *what, const char *where);

/* A message or an enum. */
struct contract_type {
    struct contract_place place;
    const Google__Protobuf__DescriptorProto *message; /* NULL: an enum */
    const Google__Protobuf__EnumDescriptorProto *enumeration;
};
/* By the name that fields have: ".shop.v1.Order.State". Gives up when there is none. */
struct contract_type contracts_find_type(const contract_set *set, const char *name);
