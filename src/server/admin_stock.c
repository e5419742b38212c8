/* See admin_stock.h. */
#include "server/admin_stock.h"

#include <shop/v1/admin_service.pb-c.h>

#include "base/log.h"
#include "server/audit.h"
#include "server/audit_books.h"
#include "server/query.h"
#include "server/refusals.h"
#include "shop/message_parts.h"

#define DISCREPANCIES_MAX 1000

/* What an audit has found so far. */
struct findings {
    struct arena *arena; /* the call's: the lane's begins anew with each slice */
    Shop__V1__AuditResponse response;
    bool full; /* the arena is */
};

static void audit(struct shop_lane *lane, struct rpc_call *call);
static enum status audit_all(struct shop_lane *lane, struct findings *findings,
                             struct failure *failure);
static enum status audit_own_books(struct shop_lane *lane, struct rpc_call *call,
                                   struct findings *findings, struct failure *failure);
static enum status add_waiting(struct shop_lane *lane, struct rpc_call *call,
                               struct findings *findings, struct failure *failure);
static Shop__V1__WaitingOrder *write_waiting(const struct audit_waiting *waiting,
                                             struct arena *arena);
static void found_wrong(void *state, const struct audit_book *book);
static enum status add(struct findings *findings, const char *product_id,
                       Shop__V1__Discrepancy__Kind kind, int64_t expected, int64_t actual,
                       struct failure *failure);
static void repair(struct shop_lane *lane, struct rpc_call *call);
static void rebuild(struct shop_lane *lane, struct rpc_call *call);

void audit_stock(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, audit);
}

void repair_stock(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, repair);
}

void rebuild_stock(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, rebuild);
}

static void audit(struct shop_lane *lane, struct rpc_call *call)
{
    struct findings findings = {.arena = rpc_call_arena(call),
                                .response = SHOP__V1__AUDIT_RESPONSE__INIT};
    struct failure failure;
    findings.response.complete = true;
    findings.response.discrepancies =
        arena_calloc(findings.arena, DISCREPANCIES_MAX, sizeof *findings.response.discrepancies);
    enum status status = findings.response.discrepancies != NULL
                             ? audit_all(lane, &findings, &failure)
                             : refuse_overloaded(&failure);
    if (status == STATUS_OK) {
        status = audit_own_books(lane, call, &findings, &failure);
    }
    if (status == STATUS_OK) {
        status = add_waiting(lane, call, &findings, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    rpc_reply(call, &findings.response.base);
}

static enum status audit_all(struct shop_lane *lane, struct findings *findings,
                             struct failure *failure)
{
    char after[SHOP_ID_BYTES_MAX + 1] = "";
    struct audit_slice slice;
    do {
        arena_reset(&lane->arena);
        enum status status = audit_slice(lane, after, AUDIT_SLICE_MAX, &slice, failure);
        for (size_t i = 0; status == STATUS_OK && i < slice.count; i++) {
            const struct audit_product *product = &slice.products[i];
            if (product->high > 0) {
                status = add(findings, product->product_id,
                             SHOP__V1__DISCREPANCY__KIND__KIND_REDIS_TOO_HIGH,
                             product->available - product->high, product->available, failure);
            } else if (product->low > 0) {
                status = add(findings, product->product_id,
                             SHOP__V1__DISCREPANCY__KIND__KIND_REDIS_TOO_LOW,
                             product->available + product->low, product->available, failure);
            }
        }
        if (status != STATUS_OK) {
            return status;
        }
        findings->response.products += (int64_t)slice.count;
        findings->response.complete = findings->response.complete && slice.idle;
        if (slice.count > 0) {
            memcpy(after, slice.products[slice.count - 1].product_id,
                   strlen(slice.products[slice.count - 1].product_id) + 1);
        }
    } while (slice.count == AUDIT_SLICE_MAX);
    return STATUS_OK;
}

static enum status audit_own_books(struct shop_lane *lane, struct rpc_call *call,
                                   struct findings *findings, struct failure *failure)
{
    struct audit_books_options options = {
        .products_max = AUDIT_BOOKS_PRODUCTS_MAX,
        .orders_max = AUDIT_BOOKS_ORDERS_MAX,
        .found = found_wrong,
        .state = findings,
    };
    struct audit_books *books = NULL;
    struct failure cause;
    bool done = false;
    enum status status = audit_books_begin(lane->postgres, &options, &books, failure);
    while (status == STATUS_OK && !done) {
        status = audit_books_step(books, rpc_call_deadline_ms(call), &done, &cause);
        if (status != STATUS_OK) {
            status = shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
        }
    }
    audit_books_destroy(&books);
    return status == STATUS_OK && findings->full ? refuse_overloaded(failure) : status;
}

static enum status add_waiting(struct shop_lane *lane, struct rpc_call *call,
                               struct findings *findings, struct failure *failure)
{
    struct audit_waiting *waiting;
    struct failure cause;
    size_t count;
    arena_reset(&lane->arena);
    if (audit_read_waiting(lane->postgres, AUDIT_WAITING_MAX, &lane->arena,
                           rpc_call_deadline_ms(call), &waiting, &count, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    Shop__V1__AuditResponse *response = &findings->response;
    response->waiting_orders =
        arena_calloc(findings->arena, count, sizeof(response->waiting_orders[0]));
    for (size_t i = 0; i < count; i++) {
        Shop__V1__WaitingOrder *order =
            response->waiting_orders != NULL ? write_waiting(&waiting[i], findings->arena) : NULL;
        if (order == NULL) {
            return refuse_overloaded(failure);
        }
        response->waiting_orders[response->n_waiting_orders++] = order;
    }
    return STATUS_OK;
}

/* NULL when the arena is full. */
static Shop__V1__WaitingOrder *write_waiting(const struct audit_waiting *waiting,
                                             struct arena *arena)
{
    Shop__V1__WaitingOrder *order = arena_alloc(arena, sizeof *order);
    char *order_id = arena_alloc(arena, UUID_TEXT_BYTES);
    Google__Protobuf__Timestamp *since = parts_time(waiting->since_us, arena);
    if (order == NULL || order_id == NULL || since == NULL) {
        return NULL;
    }
    shop__v1__waiting_order__init(order);
    uuid_print(&waiting->order_id, order_id);
    order->order_id = order_id;
    order->version = waiting->version;
    order->waiting_version = waiting->waiting_version;
    order->waiting_count = waiting->waiting_count;
    order->waiting_since_time = since;
    return order;
}

static void found_wrong(void *state, const struct audit_book *book)
{
    struct findings *findings = state;
    const struct {
        Shop__V1__Discrepancy__Kind kind;
        int64_t expected, actual;
    } rows[] = {
        {SHOP__V1__DISCREPANCY__KIND__KIND_ON_HAND_UNEXPLAINED, book->moved_on_hand, book->on_hand},
        {SHOP__V1__DISCREPANCY__KIND__KIND_RESERVED_UNEXPLAINED, book->moved_reserved,
         book->reserved},
        {SHOP__V1__DISCREPANCY__KIND__KIND_RESERVED_WRONG, book->open, book->reserved},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct failure failure;
        if (rows[i].expected != rows[i].actual &&
            add(findings, book->product_id, rows[i].kind, rows[i].expected, rows[i].actual,
                &failure) != STATUS_OK) {
            findings->full = true;
        }
    }
}

static enum status add(struct findings *findings, const char *product_id,
                       Shop__V1__Discrepancy__Kind kind, int64_t expected, int64_t actual,
                       struct failure *failure)
{
    Shop__V1__AuditResponse *response = &findings->response;
    response->discrepancy_count++;
    if (response->n_discrepancies == DISCREPANCIES_MAX) {
        return STATUS_OK;
    }
    Shop__V1__Discrepancy *found = arena_alloc(findings->arena, sizeof *found);
    char *id = arena_strdup(findings->arena, product_id);
    if (found == NULL || id == NULL) {
        return refuse_overloaded(failure);
    }
    shop__v1__discrepancy__init(found);
    found->product_id = id;
    found->kind = kind;
    found->expected = expected;
    found->actual = actual;
    response->discrepancies[response->n_discrepancies++] = found;
    return STATUS_OK;
}

/* Asked for twice, the second time finds nothing missing, or the delta of the first on its way. */
static void repair(struct shop_lane *lane, struct rpc_call *call)
{
    const Shop__V1__RepairStockRequest *request =
        (const Shop__V1__RepairStockRequest *)rpc_call_request(call);
    Shop__V1__RepairStockResponse response = SHOP__V1__REPAIR_STOCK_RESPONSE__INIT;
    struct audit_slice slice = {0};
    struct stock_pass pass;
    struct failure failure, cause;
    enum status status = stock_gate_enter(lane->options->gate, &pass)
                             ? audit_one(lane, request->product_id, &slice, &failure)
                             : refuse_fenced(&failure);
    if (status == STATUS_OK && slice.count == 0) {
        status = refuse_unknown_product(&failure, "product_id", request->product_id);
    }
    if (status == STATUS_OK && !slice.idle) {
        status = failure_set(&failure, STATUS_UNAVAILABLE, "AUDIT_BUSY",
                             "orders are under way; what is missing is known when there are none");
    }
    response.units = status == STATUS_OK ? slice.products[0].low : 0;
    bool repairs = response.units > 0 && request->confirm;
    bool done = false;
    if (status == STATUS_OK && repairs &&
        audit_repair(lane->postgres, lane->options->shard, pass.epoch, request->product_id,
                     response.units, rpc_call_principal(call), &lane->arena,
                     query_deadline_ms(lane, &call, 1), &done, &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    if (status == STATUS_OK && repairs && !done) {
        status = refuse_fenced(&failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    response.product_id = request->product_id;
    response.repaired = done;
    rpc_reply(call, &response.base);
}

static void rebuild(struct shop_lane *lane, struct rpc_call *call)
{
    Shop__V1__RebuildStockResponse response = SHOP__V1__REBUILD_STOCK_RESPONSE__INIT;
    struct stock_pass pass;
    struct failure failure, cause;
    enum status status = STATUS_OK;
    if (!stock_gate_enter(lane->options->gate, &pass)) {
        status = refuse_fenced(&failure); /* it is being loaded */
    } else if (book_open_begin(lane->book, &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->redis_outage, &cause, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    log_line(LOG_WARN, "stock fenced on request", "epoch", LOG_INT(pass.epoch), "principal",
             rpc_call_principal(call), NULL);
    stock_gate_suspect(lane->options->gate, pass.epoch);
    response.epoch = pass.epoch;
    rpc_reply(call, &response.base);
}
