/* The book against a model of a few lines: thousands of random steps, and a rush of threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

/* ---- random steps ---- */

#define PRODUCTS    5
#define STOCK_START 60
#define STEPS       4000
#define REQUESTS    3000
#define BATCH       16
#define DELTAS      1000
#define TAKES_MAX   3

static const char *const IDS[PRODUCTS] = {"p0", "p1", "p2", "p3", "p4"};

enum request_state {
    REQUEST_NEW,
    REQUEST_REFUSED,
    REQUEST_UNCONFIRMED,
    REQUEST_UNPERSISTED,
    REQUEST_EARLY, /* persisted, but not confirmed */
    REQUEST_SETTLED,
};

struct request {
    struct uuid record_id, event_id;
    struct book_take takes[TAKES_MAX];
    size_t take_count;
    enum request_state state;
};

struct model {
    struct book *book;
    uint64_t random;
    int64_t stock[PRODUCTS];
    struct request requests[REQUESTS];
    bool applied[DELTAS];
    int64_t decided, refused, repeated;
};

static uint64_t next_random(struct model *model, uint64_t below)
{
    model->random ^= model->random << 13; /* xorshift: the same run for the same seed */
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random % below;
}

static void make_request(struct model *model, struct request *request)
{
    request->record_id = uuid_v7(clock_system());
    request->event_id = uuid_v7(clock_system());
    for (size_t i = 0; i < PRODUCTS && request->take_count < TAKES_MAX; i++) {
        if (next_random(model, 3) == 0) {
            request->takes[request->take_count++] =
                (struct book_take){IDS[i], 1 + (int64_t)next_random(model, 4)};
        }
    }
    if (request->take_count == 0) {
        request->takes[request->take_count++] = (struct book_take){IDS[0], 1};
    }
}

static int64_t *stock_of(struct model *model, const char *product_id)
{
    return &model->stock[product_id[1] - '0'];
}

/* What the book must answer, and what is true afterwards. */
static enum book_outcome expect(struct model *model, struct request *request)
{
    if (request->state != REQUEST_NEW) {
        model->repeated++;
        return BOOK_REPEATED;
    }
    for (size_t i = 0; i < request->take_count; i++) {
        if (*stock_of(model, request->takes[i].product_id) < request->takes[i].quantity) {
            request->state = REQUEST_REFUSED;
            model->refused++;
            return BOOK_OUT_OF_STOCK;
        }
    }
    for (size_t i = 0; i < request->take_count; i++) {
        *stock_of(model, request->takes[i].product_id) -= request->takes[i].quantity;
    }
    request->state = REQUEST_UNCONFIRMED;
    model->decided++;
    return BOOK_DECIDED;
}

static void decide_some(struct model *model)
{
    struct book_decision batch[BATCH];
    enum book_outcome expected[BATCH];
    size_t count = 1 + next_random(model, BATCH);
    for (size_t i = 0; i < count; i++) {
        struct request *request = &model->requests[next_random(model, REQUESTS)];
        batch[i] = book_fixture_decision(request->takes, request->take_count);
        batch[i].record_id = request->record_id;
        batch[i].event_id = request->event_id;
        expected[i] = expect(model, request);
    }
    book_decide(model->book, batch, count, 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(batch[i].outcome, expected[i]);
    }
}

static void confirm_one(struct model *model)
{
    struct request *request = &model->requests[next_random(model, REQUESTS)];
    if (request->state == REQUEST_UNCONFIRMED) {
        request->state = REQUEST_UNPERSISTED;
    } else if (request->state == REQUEST_EARLY) {
        request->state = REQUEST_SETTLED;
    }
    assert_int_equal(book_confirm(model->book, &request->event_id, 1, NULL), STATUS_OK);
}

/* Also what is settled already. */
static void settle_one(struct model *model)
{
    struct request *request = &model->requests[next_random(model, REQUESTS)];
    if (request->state >= REQUEST_UNCONFIRMED) {
        const struct book_settled settled = {request->event_id, request->record_id};
        bool is_confirmed =
            request->state != REQUEST_UNCONFIRMED && request->state != REQUEST_EARLY;
        request->state = is_confirmed ? REQUEST_SETTLED : REQUEST_EARLY;
        assert_int_equal(book_settle(model->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    }
}

static void apply_some(struct model *model)
{
    struct book_delta deltas[BATCH];
    size_t count = 1 + next_random(model, BATCH);
    for (size_t i = 0; i < count; i++) {
        int64_t id = (int64_t)next_random(model, DELTAS);
        const char *product_id = IDS[id % PRODUCTS];
        deltas[i] = (struct book_delta){
            .delta_id = id, .epoch = BOOK_TEST_EPOCH, .product_id = product_id, .quantity = id % 3};
        if (!model->applied[id]) {
            model->applied[id] = true;
            *stock_of(model, product_id) += id % 3;
        }
    }
    assert_int_equal(book_apply(model->book, deltas, count, NULL), STATUS_OK);
}

static void compare(struct model *model)
{
    int64_t available[PRODUCTS], states[REQUEST_SETTLED + 1] = {0};
    assert_int_equal(book_read_stock(model->book, IDS, PRODUCTS, available, 0, NULL), STATUS_OK);
    for (size_t i = 0; i < PRODUCTS; i++) {
        assert_true(available[i] >= 0);
        assert_int_equal(available[i], model->stock[i]);
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        states[model->requests[i].state]++;
    }
    struct book_gauges gauges = book_fixture_gauges(model->book);
    assert_int_equal(gauges.unconfirmed, states[REQUEST_UNCONFIRMED] + states[REQUEST_EARLY]);
    assert_int_equal(gauges.unpersisted, states[REQUEST_UNPERSISTED]);
    assert_int_equal(gauges.outbox, states[REQUEST_UNCONFIRMED] + states[REQUEST_EARLY] +
                                        states[REQUEST_UNPERSISTED]);
}

static void compare_records(struct model *model)
{
    static struct book_lookup lookups[REQUESTS];
    for (size_t i = 0; i < REQUESTS; i++) {
        lookups[i] = (struct book_lookup){.record_id = model->requests[i].record_id};
    }
    assert_int_equal(book_read(model->book, lookups, REQUESTS, 0, NULL), STATUS_OK);
    for (size_t i = 0; i < REQUESTS; i++) {
        enum request_state state = model->requests[i].state;
        assert_int_equal(lookups[i].found, state != REQUEST_NEW);
        assert_int_equal(lookups[i].unconfirmed, state == REQUEST_UNCONFIRMED);
        assert_int_equal(lookups[i].in_outbox,
                         state == REQUEST_UNCONFIRMED || state == REQUEST_UNPERSISTED);
        if (lookups[i].found) {
            assert_int_equal(lookups[i].record.kind,
                             state == REQUEST_REFUSED ? BOOK_REFUSED : BOOK_ACCEPTED);
        }
    }
}

static uint64_t choose_seed(void)
{
    const char *given = getenv("TEST_SEED");
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_unix_us(clock_system());
    (void)printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed | 1;
}

static void s07_thousands_of_random_steps_agree_with_the_model(void **state)
{
    struct book_fixture *fixture = *state;
    static struct model model;
    model = (struct model){.book = fixture->book, .random = choose_seed()};
    struct book_take stock[PRODUCTS];
    for (size_t i = 0; i < PRODUCTS; i++) {
        model.stock[i] = STOCK_START;
        stock[i] = (struct book_take){IDS[i], STOCK_START};
    }
    assert_int_equal(book_open_load(fixture->book, stock, PRODUCTS, NULL), STATUS_OK);
    for (size_t i = 0; i < REQUESTS; i++) {
        make_request(&model, &model.requests[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        switch (next_random(&model, 8)) {
        case 0:
            decide_some(&model);
            break;
        case 1:
            apply_some(&model);
            break;
        case 2:
        case 3:
            settle_one(&model);
            break;
        default:
            confirm_one(&model);
            break;
        }
        if (step % 100 == 0) {
            compare(&model);
        }
    }
    compare(&model);
    compare_records(&model);
    assert_true(model.decided > 100 && model.refused > 100 && model.repeated > 100);
}

/* ---- a rush ---- */

#define THREADS       64
#define TRIES         32 /* a thread: 2,048 in all */
#define RUSH_STOCK    500
#define TRIES_A_BATCH 4

struct buyer {
    const struct redis_server *server;
    pthread_t thread;
    int64_t decided, refused;
};

static void *buy(void *argument)
{
    struct buyer *buyer = argument;
    struct redis_link *link;
    struct book *book;
    const struct book_take take = {"rush", 1};
    book_fixture_connect(buyer->server, &link, &book);
    for (int i = 0; i < TRIES; i += TRIES_A_BATCH) {
        struct book_decision batch[TRIES_A_BATCH];
        for (size_t at = 0; at < TRIES_A_BATCH; at++) {
            batch[at] = book_fixture_decision(&take, 1);
        }
        book_decide(book, batch, TRIES_A_BATCH, 0);
        for (size_t at = 0; at < TRIES_A_BATCH; at++) {
            buyer->decided += batch[at].outcome == BOOK_DECIDED;
            buyer->refused += batch[at].outcome == BOOK_OUT_OF_STOCK;
        }
    }
    book_destroy(&book);
    redis_link_destroy(&link);
    return NULL;
}

static void test_64_threads_get_exactly_what_is_there(void **state)
{
    struct book_fixture *fixture = *state;
    static struct buyer buyers[THREADS];
    const struct book_take stock = {"rush", RUSH_STOCK};
    assert_int_equal(book_open_load(fixture->book, &stock, 1, NULL), STATUS_OK);
    for (size_t i = 0; i < THREADS; i++) {
        buyers[i] = (struct buyer){.server = &fixture->server};
        assert_int_equal(pthread_create(&buyers[i].thread, NULL, buy, &buyers[i]), 0);
    }
    int64_t decided = 0, refused = 0;
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(buyers[i].thread, NULL);
        decided += buyers[i].decided;
        refused += buyers[i].refused;
    }
    assert_int_equal(decided, RUSH_STOCK);
    assert_int_equal(refused, THREADS * TRIES - RUSH_STOCK);
    assert_int_equal(book_fixture_stock(fixture->book, "rush"), 0);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, RUSH_STOCK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_fixture_setup, book_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s07_thousands_of_random_steps_agree_with_the_model),
        TEST(test_64_threads_get_exactly_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
