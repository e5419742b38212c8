/* BatchCreateOrders through the whole system: each order for itself, none twice - against single
 * calls for the same orders, and with a server that dies in the middle. */
#include <pthread.h>
#include <shop/v1/order_service.pb-c.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/channel.h"
#include "shop/limits.h"
#include "tests/cmocka_all.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS 120000
#define ORDERS_MAX        (SHOP_BATCH_CREATE_MAX + 1)
#define CALL_TIMEOUT_MS   20000
#define DOOMED_TIMEOUT_MS \
    2000 /* of a call whose server dies: the channel looks for another so long */
#define ID_BYTES 40

/* A batch of one-line orders, and what came back. */
struct batch {
    struct rpc_channel *channel;
    size_t count;
    Shop__V1__CreateOrderLine lines[ORDERS_MAX];
    Shop__V1__CreateOrderLine *line_lists[ORDERS_MAX][1];
    Shop__V1__CreateOrderRequest requests[ORDERS_MAX];
    Shop__V1__CreateOrderRequest *list[ORDERS_MAX];
    char request_ids[ORDERS_MAX][ID_BYTES];
    struct failure failure; /* of the call */
    size_t answered;
    struct answer answers[ORDERS_MAX];
};

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

/* Orders "<name>-0" and so on, of one unit each. */
static struct batch *new_batch(struct rpc_channel *channel, const char *name, size_t count,
                               const char *product_id)
{
    struct batch *batch = calloc(1, sizeof *batch);
    assert_non_null(batch);
    batch->channel = channel;
    batch->count = count;
    for (size_t i = 0; i < count; i++) {
        Shop__V1__CreateOrderRequest *request = &batch->requests[i];
        (void)snprintf(batch->request_ids[i], ID_BYTES, "%s-%zu", name, i);
        shop__v1__create_order_request__init(request);
        shop__v1__create_order_line__init(&batch->lines[i]);
        batch->lines[i].product_id = text(product_id);
        batch->lines[i].quantity = 1;
        batch->line_lists[i][0] = &batch->lines[i];
        request->request_id = batch->request_ids[i];
        request->customer_id = text("customer-1");
        request->lines = batch->line_lists[i];
        request->n_lines = 1;
        batch->list[i] = request;
    }
    return batch;
}

static void on_results(const Shop__V1__BatchCreateOrdersResponse *response, void *data)
{
    struct batch *batch = data;
    for (size_t i = 0; response != NULL && i < response->n_results; i++) {
        const Shop__V1__CreateOrderResult *result = response->results[i];
        struct answer *answer = &batch->answers[batch->answered++];
        if (result->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER) {
            answer->code = STATUS_OK;
            answer->durability = (int)result->order->durability;
            (void)snprintf(answer->order_id, sizeof answer->order_id, "%s",
                           result->order->order_id);
        } else {
            answer->code = (enum status)result->failure->code;
            (void)failure_set(&answer->failure, answer->code, result->failure->reason, "%s",
                              result->failure->message);
        }
    }
}

static enum status send_within(struct batch *batch, int32_t timeout_ms)
{
    Shop__V1__BatchCreateOrdersRequest request = SHOP__V1__BATCH_CREATE_ORDERS_REQUEST__INIT;
    request.orders = batch->list;
    request.n_orders = batch->count;
    struct rpc_stub stub;
    rpc_stub_init(&stub, batch->channel, &shop__v1__order_service__descriptor);
    stub.timeout_ms = timeout_ms;
    batch->answered = 0;
    shop__v1__order_service__batch_create_orders(&stub.service, &request, on_results, batch);
    batch->failure = stub.failure;
    return stub.failure.code;
}

static enum status send_batch(struct batch *batch)
{
    return send_within(batch, CALL_TIMEOUT_MS);
}

static bool is_known(const struct batch *batch)
{
    for (size_t i = 0; i < batch->answered; i++) {
        const struct answer *answer = &batch->answers[i];
        if (answer->code != STATUS_OK && strcmp(answer->failure.reason, "OUTCOME_UNKNOWN") == 0) {
            return false;
        }
    }
    return true;
}

/* On a busy machine Redis may be late: then the same once more, as callers should. */
static void must_send(struct batch *batch)
{
    for (int tries = 0; tries == 0 || (tries < 10 && !is_known(batch)); tries++) {
        if (send_batch(batch) != STATUS_OK) {
            fail_msg("BatchCreateOrders: %s %s", batch->failure.reason, batch->failure.message);
        }
        assert_int_equal(batch->answered, batch->count);
    }
}

static void must_accept_all(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->answers[i].code != STATUS_OK) {
            fail_msg("order %zu: %s %s", i, batch->answers[i].failure.reason,
                     batch->answers[i].failure.message);
        }
    }
}

static void assert_orders(struct system *system, int64_t count)
{
    system_wait_settled(system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&system->database, "SELECT count(*) FROM orders"), count);
    system_assert_books(system);
}

static void test_good_and_bad_orders_of_a_batch(void **state)
{
    (void)state;
    struct system system;
    system_start(&system);
    struct rpc_channel *channel = system_open_channel(&system, 0);
    system_create_product(channel, "scarce", 3);
    struct batch *batch = new_batch(channel, "mixed", 8, "scarce");
    batch->lines[1].product_id = text("none");
    batch->lines[2].quantity = 0;
    batch->requests[4].request_id = batch->request_ids[3];
    batch->requests[5].customer_id = text("not an id");
    static const char *const reasons[] = {"", "PRODUCT_NOT_FOUND", "BAD_QUANTITY",
                                          "", "REQUEST_ID_TWICE",  "BAD_ID",
                                          "", "OUT_OF_STOCK"};
    char ids[8][ID_BYTES];
    for (int round = 0; round < 2; round++) { /* the second time nothing is new */
        must_send(batch);
        for (size_t i = 0; i < 8; i++) {
            assert_string_equal(batch->answers[i].failure.reason, reasons[i]);
            if (round == 0) {
                memcpy(ids[i], batch->answers[i].order_id, ID_BYTES);
            }
            assert_string_equal(batch->answers[i].order_id, ids[i]);
        }
        assert_int_equal(system_available(&system, "scarce"), 0);
        assert_orders(&system, 3);
    }
    free(batch);
    rpc_channel_close(&channel);
    system_destroy(&system);
}

static void test_1_to_1000_orders_and_not_one_more(void **state)
{
    (void)state;
    struct system system;
    system_start(&system);
    struct rpc_channel *channel = system_open_channel(&system, 0);
    system_create_product(channel, "plenty", 5000);
    static const size_t wrong[] = {0, 1001};
    for (size_t i = 0; i < 2; i++) {
        struct batch *batch = new_batch(channel, "wrong", wrong[i], "plenty");
        assert_int_equal(send_batch(batch), STATUS_INVALID_ARGUMENT);
        assert_string_equal(batch->failure.reason, "BAD_BATCH_SIZE");
        free(batch);
    }
    assert_int_equal(system_available(&system, "plenty"), 5000);
    struct batch *batch = new_batch(channel, "right", 1000, "plenty");
    must_send(batch);
    must_accept_all(batch);
    assert_orders(&system, 1000);
    free(batch);
    rpc_channel_close(&channel);
    system_destroy(&system);
}

/* ---- the same orders from all sides ---- */

#define RACED 300

struct racer {
    struct rpc_channel *channel;
    bool one_by_one;
    char ids[RACED][ID_BYTES];
    const char *problem;
};

static void *race(void *data)
{
    struct racer *racer = data;
    struct batch *batch = new_batch(racer->channel, "raced", RACED, "wanted");
    if (!racer->one_by_one && send_batch(batch) != STATUS_OK) {
        racer->problem = "the batch failed";
    }
    for (size_t i = 0; i < RACED && racer->problem == NULL; i++) {
        struct answer answer = batch->answers[i];
        if (racer->one_by_one) {
            answer = system_create_order(racer->channel, batch->request_ids[i], "wanted", 1);
        }
        if (answer.code != STATUS_OK) {
            racer->problem = "an order was refused";
        }
        memcpy(racer->ids[i], answer.order_id, ID_BYTES);
    }
    free(batch);
    return NULL;
}

static void test_batches_and_single_calls_for_the_same_orders(void **state)
{
    (void)state;
    enum { RACERS = 6 };
    static struct racer racers[RACERS];
    struct system system;
    pthread_t threads[RACERS];
    system_start(&system);
    system_start_server(&system, 1, NULL);
    struct rpc_channel *channels[] = {system_open_channel(&system, 0),
                                      system_open_channel(&system, 1)};
    system_create_product(channels[0], "wanted", 1000);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.channel = channels[i % 2], .one_by_one = i < 2};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_null(racers[i].problem);
        assert_memory_equal(racers[i].ids, racers[0].ids, sizeof racers[i].ids);
    }
    assert_int_equal(system_available(&system, "wanted"), 1000 - RACED);
    assert_orders(&system, RACED);
    rpc_channel_close(&channels[0]);
    rpc_channel_close(&channels[1]);
    system_destroy(&system);
}

static void test_a_server_killed_in_the_middle_of_a_batch(void **state)
{
    (void)state;
    static const char *const points[] = {"after_reserve:kill@1", "before_publish:kill@1",
                                         "after_publish:kill@1", "after_confirm:kill@1",
                                         "before_reply:kill@1"};
    struct system system;
    system_start(&system);
    struct rpc_channel *channel = system_open_channel(&system, 0);
    system_create_product(channel, "plenty", 10000);
    rpc_channel_close(&channel);
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        assert_int_equal(process_end(&system.servers[0], 30000), 0);
        system_start_server(&system, 0, points[i]);
        channel = system_open_channel(&system, 0);
        char name[16];
        (void)snprintf(name, sizeof name, "killed-%zu", i);
        struct batch *batch = new_batch(channel, name, 500, "plenty");
        assert_int_not_equal(send_within(batch, DOOMED_TIMEOUT_MS), STATUS_OK);
        rpc_channel_close(&channel);
        assert_int_equal(process_wait(&system.servers[0], SETTLE_TIMEOUT_MS), -SIGKILL);

        system_start_server(&system, 0, NULL);
        channel = system_open_channel(&system, 0);
        batch->channel = channel;
        must_send(batch);
        must_accept_all(batch);
        assert_orders(&system, 500 * ((int64_t)i + 1));
        rpc_channel_close(&channel);
        free(batch);
    }
    system_destroy(&system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_and_bad_orders_of_a_batch),
        cmocka_unit_test(test_1_to_1000_orders_and_not_one_more),
        cmocka_unit_test(test_batches_and_single_calls_for_the_same_orders),
        cmocka_unit_test(test_a_server_killed_in_the_middle_of_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
