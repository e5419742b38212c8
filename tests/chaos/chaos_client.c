/* See chaos_client.h. */
#include "tests/chaos/chaos_client.h"

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/uuid.h"

#define THINK_MS_MAX   24 /* between two operations */
#define RETRY_MS       100
#define ATTEMPTS_MAX   40 /* a little longer than a reopening takes */
#define QUANTITY_MAX   3
#define CALL_MS        4000
#define HOLD_S         10  /* the shortest: some are confirmed in time, some end */
#define RECENT         200 /* requests that are asked for again */
#define BATCHED_ONE_IN 8   /* orders go through BatchCreateOrders, and so do their repetitions */
#define BATCH_MAX      20  /* orders a call */
#define BATCHERS_ONE_IN \
    4 /* clients order many at once, and of their orders one in four is a batch */

static void *run(void *argument);
static void create(struct chaos_client *client);
static void create_many(struct chaos_client *client);
static void adjust(struct chaos_client *client);
static void change(struct chaos_client *client);
static void repeat(struct chaos_client *client);
static void read_one(struct chaos_client *client);
static void insist(struct chaos_client *client, struct chaos_request *request);
static bool send_all(struct chaos_client *client, size_t first, size_t count);
static void send_orders(struct chaos_client *client, const struct chaos_request *requests,
                        size_t count, struct rpc_channel *channel, struct chaos_answer *answers);
static void send_adjust(const struct chaos_request *request, struct rpc_channel *channel,
                        struct chaos_answer *answer);
static void send_verb(const struct chaos_request *request, struct rpc_channel *channel,
                      struct chaos_answer *answer);

static int64_t between(struct chaos_client *client, int64_t from, int64_t to)
{
    return chaos_random_between(&client->random, from, to);
}

static void pause_ms(int64_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

void chaos_client_start(struct chaos_client *client)
{
    if (pthread_create(&client->thread, NULL, run, client) != 0) {
        abort();
    }
}

void chaos_client_join(struct chaos_client *client)
{
    (void)pthread_join(client->thread, NULL);
}

static void *run(void *argument)
{
    struct chaos_client *client = argument;
    while (!*client->ending) {
        int64_t dice = between(client, 1, 100);
        if (dice <= 50) {
            create(client);
        } else if (dice <= 60) {
            adjust(client);
        } else if (dice <= 80) {
            change(client);
        } else if (dice <= 90) {
            repeat(client);
        } else {
            read_one(client);
        }
        pause_ms(between(client, 1, THINK_MS_MAX));
    }
    return NULL;
}

/* Half of them as the library makes them, half as people do. */
static void name_request(struct chaos_client *client, struct chaos_request *request)
{
    if (between(client, 0, 1) == 0) {
        struct uuid id = uuid_v7(clock_system());
        uuid_print(&id, request->id);
        return;
    }
    (void)snprintf(request->id, sizeof request->id, "chaos-%d-%zu", client->history.client,
                   client->history.count);
}

static struct chaos_request *draw_order(struct chaos_client *client)
{
    struct chaos_request *request = chaos_history_add(&client->history);
    name_request(client, request);
    request->kind = CHAOS_CREATE;
    request->held = between(client, 1, 3) == 1;
    request->line_count = (size_t)between(client, 1, CHAOS_LINES_MAX);
    for (size_t i = 0; i < request->line_count; i++) {
        request->lines[i] = (struct chaos_line){(int)between(client, 0, CHAOS_PRODUCTS - 1),
                                                (int32_t)between(client, 1, QUANTITY_MAX)};
    }
    return request;
}

static void create(struct chaos_client *client)
{
    bool is_batcher = client->history.client % BATCHERS_ONE_IN == 0;
    if (is_batcher && between(client, 1, BATCHERS_ONE_IN) == 1) {
        create_many(client);
    } else {
        insist(client, draw_order(client));
    }
}

/* The whole call again as long as one of its orders is not done or unsure. */
static void create_many(struct chaos_client *client)
{
    size_t first = client->history.count;
    size_t count = (size_t)between(client, 2, BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        (void)draw_order(client);
    }
    client->batches++;
    client->batched += (int64_t)count;
    for (int attempt = 0; attempt < ATTEMPTS_MAX && !*client->ending; attempt++) {
        if (send_all(client, first, count) || between(client, 1, 8) == 1) {
            return;
        }
        pause_ms(RETRY_MS);
    }
}

static void adjust(struct chaos_client *client)
{
    struct chaos_request *request = chaos_history_add(&client->history);
    name_request(client, request);
    request->kind = CHAOS_ADJUST;
    request->line_count = 1;
    int32_t delta = between(client, 0, 3) == 0 ? (int32_t)between(client, -20, -1)
                                               : (int32_t)between(client, 1, 60);
    request->lines[0] = (struct chaos_line){(int)between(client, 0, CHAOS_PRODUCTS - 1), delta};
    insist(client, request);
}

static struct chaos_request *pick(struct chaos_client *client)
{
    struct chaos_history *history = &client->history;
    if (history->count == 0) {
        return NULL;
    }
    int64_t recent = history->count < RECENT ? (int64_t)history->count : RECENT;
    return &history->requests[history->count - (size_t)between(client, 1, recent)];
}

/* Each verb once an order, whatever becomes of it: which one follows which is left to chance. */
static void change(struct chaos_client *client)
{
    struct chaos_history *history = &client->history;
    struct chaos_request *order = pick(client);
    enum chaos_kind kind = (enum chaos_kind)between(client, CHAOS_CONFIRM, CHAOS_FULFIL);
    if (order == NULL || order->kind != CHAOS_CREATE || order->made_id[0] == '\0' ||
        (order->tried & CHAOS_BIT(kind)) != 0) {
        return;
    }
    order->tried |= CHAOS_BIT(kind);
    size_t index = (size_t)(order - history->requests);
    struct chaos_request *request = chaos_history_add(history);
    name_request(client, request);
    request->kind = kind;
    request->order = index;
    (void)snprintf(request->made_id, sizeof request->made_id, "%s",
                   history->requests[index].made_id);
    insist(client, request);
}

static void repeat(struct chaos_client *client)
{
    struct chaos_request *request = pick(client);
    if (request != NULL) {
        (void)chaos_client_send(client, request, (int)between(client, 0, 1));
    }
}

static bool is_settled(enum chaos_verdict verdict)
{
    return verdict != CHAOS_NOT_DONE && verdict != CHAOS_UNSURE;
}

/* As the documentation says: not done or unsure - the same request again, through any server. Now
 * and then a client gives up, as clients do. */
static void insist(struct chaos_client *client, struct chaos_request *request)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX && !*client->ending; attempt++) {
        enum chaos_verdict verdict = chaos_client_send(client, request, (int)between(client, 0, 1));
        if (is_settled(verdict) || between(client, 1, 8) == 1) {
            return;
        }
        pause_ms(RETRY_MS);
    }
}

enum chaos_verdict chaos_client_send(struct chaos_client *client, struct chaos_request *request,
                                     int server)
{
    struct chaos_answer answer = {0};
    chaos_history_invoke(&client->history, request);
    if (request->kind == CHAOS_CREATE) {
        send_orders(client, request, 1, client->channels[server], &answer);
    } else if (chaos_is_verb(request->kind)) {
        send_verb(request, client->channels[server], &answer);
    } else {
        send_adjust(request, client->channels[server], &answer);
    }
    return chaos_history_conclude(&client->history, request, &answer);
}

/* Orders that follow one another in the history, as one call. True when all are settled. */
static bool send_all(struct chaos_client *client, size_t first, size_t count)
{
    struct chaos_request *requests = &client->history.requests[first];
    struct chaos_answer answers[BATCH_MAX] = {0};
    bool settled = true;
    for (size_t i = 0; i < count; i++) {
        chaos_history_invoke(&client->history, &requests[i]);
    }
    send_orders(client, requests, count, client->channels[between(client, 0, 1)], answers);
    for (size_t i = 0; i < count; i++) {
        enum chaos_verdict verdict =
            chaos_history_conclude(&client->history, &requests[i], &answers[i]);
        settled = settled && is_settled(verdict);
    }
    return settled;
}

/* ---- the calls ---- */

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static char *product_name(int product)
{
    static char names[CHAOS_PRODUCTS][8] = {"hot-0", "hot-1", "hot-2", "hot-3", "hot-4", "hot-5"};
    return names[product];
}

static void take_failure(const struct rpc_stub *stub, struct chaos_answer *answer)
{
    answer->code = stub->failure.code;
    if (answer->code != STATUS_OK) {
        (void)snprintf(answer->reason, sizeof answer->reason, "%s", stub->failure.reason);
    }
    for (size_t i = 0; i < stub->failure.metadata_count; i++) {
        answer->is_pending =
            answer->is_pending || (strcmp(stub->failure.metadata[i].key, "state") == 0 &&
                                   strcmp(stub->failure.metadata[i].value, "PENDING") == 0);
    }
}

static void on_order(const Shop__V1__Order *order, void *data)
{
    struct chaos_answer *answer = data;
    if (order != NULL) {
        (void)snprintf(answer->made_id, sizeof answer->made_id, "%s", order->order_id);
        answer->durability = (int)order->durability;
        answer->state = (int)order->state;
    }
}

struct batch_answers {
    struct chaos_answer *answers;
    size_t count;
};

static void on_batch(const Shop__V1__BatchCreateOrdersResponse *response, void *data)
{
    struct batch_answers *batch = data;
    if (response == NULL) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct chaos_answer *answer = &batch->answers[i];
        const Shop__V1__CreateOrderResult *result =
            response->n_results == batch->count ? response->results[i] : NULL;
        if (result != NULL &&
            result->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER) {
            on_order(result->order, answer);
        } else if (result != NULL && result->failure != NULL) {
            answer->code = (enum status)result->failure->code;
            (void)snprintf(answer->reason, sizeof answer->reason, "%s", result->failure->reason);
        } else {
            answer->code = STATUS_INTERNAL;
            (void)snprintf(answer->reason, sizeof answer->reason, "NO_RESULT");
        }
    }
}

/* A CreateOrder and what it points to. */
struct create_message {
    Shop__V1__CreateOrderRequest create;
    Shop__V1__CreateOrderLine lines[CHAOS_LINES_MAX];
    Shop__V1__CreateOrderLine *list[CHAOS_LINES_MAX];
    Google__Protobuf__Duration hold;
    char customer[32];
};

static void fill_create(const struct chaos_client *client, const struct chaos_request *request,
                        struct create_message *message)
{
    Shop__V1__CreateOrderRequest *create = &message->create;
    shop__v1__create_order_request__init(create);
    for (size_t i = 0; i < request->line_count; i++) {
        shop__v1__create_order_line__init(&message->lines[i]);
        message->lines[i].product_id = product_name(request->lines[i].product);
        message->lines[i].quantity = request->lines[i].quantity;
        message->list[i] = &message->lines[i];
    }
    (void)snprintf(message->customer, sizeof message->customer, "customer-%d",
                   client->history.client);
    create->request_id = text(request->id);
    if (request->held) {
        google__protobuf__duration__init(&message->hold);
        message->hold.seconds = HOLD_S;
        create->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_HOLD;
        create->hold = &message->hold;
    } else {
        create->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM;
        create->confirm = true;
    }
    create->customer_id = message->customer;
    create->order_ref = text(request->id);
    create->n_lines = request->line_count;
    create->lines = message->list;
}

static void send_orders(struct chaos_client *client, const struct chaos_request *requests,
                        size_t count, struct rpc_channel *channel, struct chaos_answer *answers)
{
    struct create_message messages[BATCH_MAX];
    Shop__V1__CreateOrderRequest *creates[BATCH_MAX];
    struct batch_answers batch_answers = {answers, count};
    struct rpc_stub stub;
    for (size_t i = 0; i < count; i++) {
        fill_create(client, &requests[i], &messages[i]);
        creates[i] = &messages[i].create;
    }
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    stub.timeout_ms = CALL_MS;
    if (count > 1 || between(client, 1, BATCHED_ONE_IN) == 1) {
        Shop__V1__BatchCreateOrdersRequest batch = SHOP__V1__BATCH_CREATE_ORDERS_REQUEST__INIT;
        batch.n_orders = count;
        batch.orders = creates;
        shop__v1__order_service__batch_create_orders(&stub.service, &batch, on_batch,
                                                     &batch_answers);
    } else {
        shop__v1__order_service__create_order(&stub.service, creates[0], on_order, answers);
    }
    for (size_t i = 0; i < count && stub.failure.code != STATUS_OK; i++) {
        take_failure(&stub, &answers[i]);
    }
}

static void on_adjusted(const Shop__V1__AdjustStockResponse *response, void *data)
{
    struct chaos_answer *answer = data;
    if (response != NULL) {
        (void)snprintf(answer->made_id, sizeof answer->made_id, "%s", response->adjustment_id);
        answer->durability = (int)response->durability;
    }
}

static void send_adjust(const struct chaos_request *request, struct rpc_channel *channel,
                        struct chaos_answer *answer)
{
    Shop__V1__AdjustStockRequest adjusting = SHOP__V1__ADJUST_STOCK_REQUEST__INIT;
    adjusting.request_id = text(request->id);
    adjusting.product_id = product_name(request->lines[0].product);
    adjusting.delta = request->lines[0].quantity;
    adjusting.reason = text("chaos");
    adjusting.reference = text(request->id);
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__product_service__descriptor);
    stub.timeout_ms = CALL_MS;
    shop__v1__product_service__adjust_stock(&stub.service, &adjusting, on_adjusted, answer);
    take_failure(&stub, answer);
}

static void send_verb(const struct chaos_request *request, struct rpc_channel *channel,
                      struct chaos_answer *answer)
{
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    stub.timeout_ms = CALL_MS;
    if (request->kind == CHAOS_CONFIRM) {
        Shop__V1__ConfirmOrderRequest confirm = SHOP__V1__CONFIRM_ORDER_REQUEST__INIT;
        confirm.request_id = text(request->id);
        confirm.order_id = text(request->made_id);
        shop__v1__order_service__confirm_order(&stub.service, &confirm, on_order, answer);
    } else if (request->kind == CHAOS_CANCEL) {
        Shop__V1__CancelOrderRequest cancel = SHOP__V1__CANCEL_ORDER_REQUEST__INIT;
        cancel.request_id = text(request->id);
        cancel.order_id = text(request->made_id);
        shop__v1__order_service__cancel_order(&stub.service, &cancel, on_order, answer);
    } else {
        Shop__V1__FulfillOrderRequest fulfil = SHOP__V1__FULFILL_ORDER_REQUEST__INIT;
        fulfil.request_id = text(request->id);
        fulfil.order_id = text(request->made_id);
        shop__v1__order_service__fulfill_order(&stub.service, &fulfil, on_order, answer);
    }
    take_failure(&stub, answer);
}

struct reading {
    struct chaos_answer answer;
    size_t line_count;
};

static void on_read(const Shop__V1__Order *order, void *data)
{
    struct reading *reading = data;
    on_order(order, &reading->answer);
    reading->line_count = order != NULL ? order->n_lines : 0;
}

static void read_one(struct chaos_client *client)
{
    struct chaos_request *request = pick(client);
    if (request == NULL || request->kind != CHAOS_CREATE || request->made_id[0] == '\0') {
        return;
    }
    Shop__V1__GetOrderRequest get = SHOP__V1__GET_ORDER_REQUEST__INIT;
    get.order_id = request->made_id;
    struct reading reading = {0};
    struct rpc_stub stub;
    rpc_stub_init(&stub, client->channels[between(client, 0, 1)],
                  &shop__v1__order_service__descriptor);
    stub.timeout_ms = CALL_MS;
    shop__v1__order_service__get_order(&stub.service, &get, on_read, &reading);
    take_failure(&stub, &reading.answer);
    chaos_history_read(&client->history, request, &reading.answer, reading.line_count);
}
