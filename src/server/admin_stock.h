/* Stock of shop.v1.AdminService: audit, repair, rebuild. Bulk lane. */
#pragma once

#include <stddef.h>

struct rpc_call;

void audit_stock(void *lane, struct rpc_call **calls, size_t count);
void repair_stock(void *lane, struct rpc_call **calls, size_t count);
void rebuild_stock(void *lane, struct rpc_call **calls, size_t count);
