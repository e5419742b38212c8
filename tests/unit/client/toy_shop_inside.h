/* What toy_shop.c and toy_shop_orders.c share. */
#pragma once

#include <google/protobuf/timestamp.pb-c.h>

#include "toy_shop.h"

extern struct toy_shop *the_shop; /* one a test program */

void toy_fail_call(struct rpc_call *call, enum status code, const char *reason,
                   const char *message);
/* Unless the test wants answers to get lost. */
void toy_answer(struct rpc_call *call, const ProtobufCMessage *response);
void toy_set_time(Google__Protobuf__Timestamp *time, int64_t us);
/* The page [first, first + count) of `total`, and the next token. */
size_t toy_cut_page(int32_t page_size, const char *token, size_t total, size_t *first,
                    char next[24]);

void toy_create_order(struct rpc_call *call);
void toy_batch_create_orders(struct rpc_call *call);
void toy_get_order(struct rpc_call *call);
void toy_list_orders(struct rpc_call *call);
/* Any verb: the order as it is. */
void toy_change_order(struct rpc_call *call);
void toy_list_events(struct rpc_call *call);
