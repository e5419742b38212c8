/* See lane_fixture.h. */
#include "tests/unit/server/lane_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/uuid.h"
#include "server/accept_commands.h"
#include "server/adjust_stock.h"
#include "server/change_order.h"
#include "server/create_order.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_control.h"

struct fixture fixture;

int fixture_setup(void **state)
{
    (void)state;
    log_init("test", LOG_ERROR);
    fake_clock_init(&fixture.clock);
    fake_book_reset();
    fake_publisher_reset();
    fake_catalogue_reset();
    fake_control_reset();
    stock_gate_init(&fixture.gate);
    fixture.options = (struct lane_options){
        .clock = &fixture.clock.clock,
        .gate = &fixture.gate,
        .shard = "s0",
        .retention = {.age_ms = 600000, .bytes_max = 1 << 20},
        .redis_url = "redis://127.0.0.1:1",
        .cache_url = "redis://127.0.0.1:1",
        .database_url = "postgresql://127.0.0.1:1/none",
        .connect_timeout_ms = 1000,
        .redis_timeout_ms = 500,
        .cache_timeout_ms = 100,
        .postgres_timeout_ms = 1000,
        .publish_timeout_ms = PUBLISH_TIMEOUT_MS,
        .product_ttl_ms = 60000,
        .missing_product_ttl_ms = 2000,
    };
    struct failure failure;
    fixture.lane = shop_lane_open_write(&fixture.options, &failure);
    assert_non_null(fixture.lane);
    static const struct {
        const char *id;
        int64_t price;
        const char *currency;
    } products[] = {{"pot", 2500, "EUR"}, {"tea", 100, "EUR"}, {"yen", 7, "JPY"}};
    for (size_t i = 0; i < 3; i++) {
        fake_catalogue_add(products[i].id, products[i].price, products[i].currency);
        fake_book_set_stock(products[i].id, 10);
    }
    struct stock_pass first = {.epoch = 1, .records_since_us = 0};
    stock_gate_open(&fixture.gate, &first);
    return 0;
}

int fixture_teardown(void **state)
{
    (void)state;
    shop_lane_close(fixture.lane);
    stock_gate_fini(&fixture.gate);
    fake_book_reset();
    return 0;
}

void fixture_reopen(int64_t epoch)
{
    fake_book.epoch = epoch;
    struct stock_pass pass = {.epoch = epoch, .records_since_us = fixture.clock.unix_us};
    stock_gate_open(&fixture.gate, &pass);
}

const char *fixture_request_id(int64_t shift_ms)
{
    static char text[UUID_TEXT_BYTES];
    struct fake_clock clock = fixture.clock;
    clock.clock.state = &clock;
    clock.unix_us += shift_ms * 1000;
    struct uuid uuid = uuid_v7(&clock.clock);
    fixture.clock.chance = clock.chance;
    uuid_print(&uuid, text);
    return text;
}

/* protobuf-c's structs hold char * also for what is only read. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static int64_t usual_deadline_ms(void)
{
    return clock_monotonic_ms(&fixture.clock.clock) + 5000;
}

void order_call_init(struct order_call *order, const char *request_id)
{
    shop__v1__create_order_request__init(&order->request);
    (void)snprintf(order->request_id, sizeof order->request_id, "%s", request_id);
    order->request.request_id = order->request_id;
    order->request.customer_id = text("c-1");
    order->request.lines = order->line_list;
    fake_call_init(&order->call, &order->request.base, &create_order_kind, usual_deadline_ms());
}

void order_call_add(struct order_call *order, const char *product_id, int32_t quantity)
{
    size_t at = order->request.n_lines++;
    assert_true(at < FIXTURE_LINES_MAX);
    shop__v1__create_order_line__init(&order->lines[at]);
    order->lines[at].product_id = text(product_id);
    order->lines[at].quantity = quantity;
    order->line_list[at] = &order->lines[at];
}

void order_call_add_priced(struct order_call *order, const char *product_id, int32_t quantity,
                           int64_t unit_price_minor)
{
    order_call_add(order, product_id, quantity);
    Shop__V1__CreateOrderLine *line = &order->lines[order->request.n_lines - 1];
    line->price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
    line->unit_price_minor = unit_price_minor;
}

void order_calls_send(struct order_call **orders, size_t count)
{
    struct rpc_call *calls[64];
    for (size_t i = 0; i < count; i++) {
        calls[i] = &orders[i]->call;
    }
    accept_commands(fixture.lane, calls, count);
}

void order_call_send(struct order_call *order)
{
    order_calls_send(&order, 1);
}

const Shop__V1__Order *order_call_reply(const struct order_call *order)
{
    return fake_call_expect_reply(&order->call);
}

void order_call_fini(struct order_call *order)
{
    fake_call_fini(&order->call);
}

struct order_call *order_call_new(const char *request_id, const char *product_id, int32_t quantity)
{
    struct order_call *order = calloc(1, sizeof *order);
    assert_non_null(order);
    order_call_init(order, request_id);
    if (quantity != 0) {
        order_call_add(order, product_id, quantity);
    }
    return order;
}

void order_call_drop(struct order_call *order)
{
    order_call_fini(order);
    free(order);
}

struct change_call *change_call_new(enum order_verb verb, const char *request_id,
                                    const char *order_id, int32_t line_number, int32_t quantity)
{
    struct change_call *change = calloc(1, sizeof *change);
    assert_non_null(change);
    (void)snprintf(change->request_id, sizeof change->request_id, "%s", request_id);
    (void)snprintf(change->order_id, sizeof change->order_id, "%s", order_id);
    shop__v1__line_quantity__init(&change->line);
    change->line.line_number = line_number;
    change->line.quantity = quantity;
    change->lines[0] = &change->line;
    ProtobufCMessage *message = NULL;
    if (verb == ORDER_CONFIRM) {
        shop__v1__confirm_order_request__init(&change->request.confirm);
        change->request.confirm.request_id = change->request_id;
        change->request.confirm.order_id = change->order_id;
        change->request.confirm.payment_reference = text("pay-1");
        message = &change->request.confirm.base;
    } else if (verb == ORDER_CANCEL) {
        shop__v1__cancel_order_request__init(&change->request.cancel);
        change->request.cancel.request_id = change->request_id;
        change->request.cancel.order_id = change->order_id;
        change->request.cancel.lines = change->lines;
        change->request.cancel.n_lines = line_number > 0 ? 1 : 0;
        message = &change->request.cancel.base;
    } else {
        shop__v1__fulfill_order_request__init(&change->request.fulfil);
        change->request.fulfil.request_id = change->request_id;
        change->request.fulfil.order_id = change->order_id;
        change->request.fulfil.lines = change->lines;
        change->request.fulfil.n_lines = line_number > 0 ? 1 : 0;
        message = &change->request.fulfil.base;
    }
    fake_call_init(&change->call, message, &change_order_kind, usual_deadline_ms());
    return change;
}

void change_calls_send(struct change_call **changes, size_t count)
{
    struct rpc_call *calls[64];
    for (size_t i = 0; i < count; i++) {
        calls[i] = &changes[i]->call;
    }
    accept_commands(fixture.lane, calls, count);
}

const Shop__V1__Order *change_call_reply(const struct change_call *change)
{
    return fake_call_expect_reply(&change->call);
}

void change_call_drop(struct change_call *change)
{
    fake_call_fini(&change->call);
    free(change);
}

void adjust_call_init(struct adjust_call *adjust, const char *request_id, const char *product_id,
                      int64_t delta)
{
    shop__v1__adjust_stock_request__init(&adjust->request);
    (void)snprintf(adjust->request_id, sizeof adjust->request_id, "%s", request_id);
    adjust->request.request_id = adjust->request_id;
    adjust->request.product_id = text(product_id);
    adjust->request.delta = delta;
    adjust->request.reason = text("count");
    fake_call_init(&adjust->call, &adjust->request.base, &adjust_stock_kind, usual_deadline_ms());
}

void adjust_call_send(struct adjust_call *adjust)
{
    struct rpc_call *call = &adjust->call;
    accept_commands(fixture.lane, &call, 1);
}

const Shop__V1__AdjustStockResponse *adjust_call_reply(const struct adjust_call *adjust)
{
    return fake_call_expect_reply(&adjust->call);
}

void adjust_call_fini(struct adjust_call *adjust)
{
    fake_call_fini(&adjust->call);
}
