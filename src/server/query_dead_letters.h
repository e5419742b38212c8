/* Dead letters of shop.v1.AdminService: list, show, requeue, discard. Bulk lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

void list_dead_letters(void *lane, struct rpc_call **calls, size_t count);
void get_dead_letters(void *lane, struct rpc_call **calls, size_t count);
void requeue_dead_letters(void *lane, struct rpc_call **calls, size_t count);
void discard_dead_letters(void *lane, struct rpc_call **calls, size_t count);
