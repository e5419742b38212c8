/* See services.h. */
#include "server/services.h"

#include <shop/v1/admin_service.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>

#include "server/accept_commands.h"
#include "server/adjust_stock.h"
#include "server/admin_stock.h"
#include "server/batch_create_orders.h"
#include "server/change_order.h"
#include "server/create_order.h"
#include "server/create_product.h"
#include "server/follow_order_events.h"
#include "server/query_dead_letters.h"
#include "server/query_movements.h"
#include "server/query_order_events.h"
#include "server/query_orders.h"
#include "server/query_products.h"
#include "server/query_stock.h"
#include "server/set_stock.h"
#include "server/update_product.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct rpc_method order_methods[] = {
    {"CreateOrder", SERVICE_LANE_WRITE, accept_commands, &create_order_kind},
    {"BatchCreateOrders", SERVICE_LANE_WRITE, accept_commands, &batch_create_orders_kind},
    {"ConfirmOrder", SERVICE_LANE_WRITE, accept_commands, &change_order_kind},
    {"CancelOrder", SERVICE_LANE_WRITE, accept_commands, &change_order_kind},
    {"FulfillOrder", SERVICE_LANE_WRITE, accept_commands, &change_order_kind},
    {"GetOrder", SERVICE_LANE_READ, get_orders, NULL},
    {"BatchGetOrders", SERVICE_LANE_READ, batch_get_orders, NULL},
    {"ListOrderEvents", SERVICE_LANE_BULK, list_order_events, NULL},
    {"ListOrders", SERVICE_LANE_BULK, list_orders, NULL},
    {"FollowOrderEvents", SERVICE_LANE_BULK, follow_order_events, NULL},
};

static const struct rpc_method product_methods[] = {
    {"CreateProduct", SERVICE_LANE_BULK, create_products, NULL},
    {"GetProduct", SERVICE_LANE_READ, get_products, NULL},
    {"BatchGetProducts", SERVICE_LANE_READ, batch_get_products, NULL},
    {"UpdateProduct", SERVICE_LANE_BULK, update_products, NULL},
    {"DeleteProduct", SERVICE_LANE_BULK, delete_products, NULL},
    {"ListProducts", SERVICE_LANE_BULK, list_products, NULL},
    {"GetStock", SERVICE_LANE_READ, get_stock, NULL},
    {"ListStock", SERVICE_LANE_BULK, list_stock, NULL},
    {"AdjustStock", SERVICE_LANE_WRITE, accept_commands, &adjust_stock_kind},
    {"SetStock", SERVICE_LANE_WRITE, accept_commands, &set_stock_kind},
    {"ListStockMovements", SERVICE_LANE_BULK, list_stock_movements, NULL},
    {"ExplainStock", SERVICE_LANE_BULK, explain_stock, NULL},
};

static const struct rpc_method admin_methods[] = {
    {"ListDeadLetters", SERVICE_LANE_BULK, list_dead_letters, NULL},
    {"GetDeadLetter", SERVICE_LANE_BULK, get_dead_letters, NULL},
    {"RequeueDeadLetter", SERVICE_LANE_BULK, requeue_dead_letters, NULL},
    {"DiscardDeadLetter", SERVICE_LANE_BULK, discard_dead_letters, NULL},
    {"Audit", SERVICE_LANE_BULK, audit_stock, NULL},
    {"RepairStock", SERVICE_LANE_BULK, repair_stock, NULL},
    {"RebuildStock", SERVICE_LANE_BULK, rebuild_stock, NULL},
};

static const struct rpc_service services[] = {
    {&shop__v1__order_service__descriptor, order_methods, COUNT(order_methods)},
    {&shop__v1__product_service__descriptor, product_methods, COUNT(product_methods)},
    {&shop__v1__admin_service__descriptor, admin_methods, COUNT(admin_methods)},
};

const struct rpc_service *services_table(size_t *count_out)
{
    *count_out = COUNT(services);
    return services;
}
