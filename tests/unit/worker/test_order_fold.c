/* Five events of an order and one of another come in every order, repeated, split over batches, as
 * a database in memory that does what the store's statements do: the end is always the same. */
#include <stdlib.h>

#include "shop/lifecycle.h"
#include "tests/cmocka_all.h"
#include "worker/event_plan.h"

#define EPOCH       7
#define ON_HAND     100
#define VERSION_MAX 5
#define ROUNDS      4000

/* What PostgreSQL would hold: one order, its events, the stock of a and b. */
struct row {
    bool there, waits;
    struct uuid event_id;
};
static struct {
    bool has_order;
    struct order order;
    struct row rows[VERSION_MAX + 1];
    int64_t on_hand[2], reserved[2], redis[2];
    size_t refused;
} db;

static struct arena story_arena, arena;
static struct event story[VERSION_MAX + 1]; /* by version */

static struct uuid id(uint8_t number)
{
    return (struct uuid){{number}};
}

static void begin_story(enum order_state state)
{
    static struct order_line lines[] = {{.product_id = "a", .quantity = 5},
                                        {.product_id = "b", .quantity = 3},
                                        {.product_id = "a", .quantity = 2}};
    memset(story, 0, sizeof story);
    story[1] = (struct event){.kind = EVENT_ORDER_CREATED, .event_id = id(1), .epoch = EPOCH};
    story[1].order = (struct order){.order_id = id(100),
                                    .state = state,
                                    .lines = lines,
                                    .line_count = 3,
                                    .payment_reference = "",
                                    .expire_time_us = 10,
                                    .version = 1};
}

/* The order after it, for the next. */
static struct order tell(const struct order *before, enum order_verb verb, int32_t line,
                         int32_t quantity, bool flag)
{
    struct line_quantity *named = arena_calloc(&story_arena, 1, sizeof *named);
    assert_non_null(named);
    *named = (struct line_quantity){line, quantity};
    struct verb_request request = {.verb = verb,
                                   .lines = named,
                                   .line_count = line > 0 ? 1 : 0,
                                   .reason = "r",
                                   .reacquire = flag,
                                   .write_off = verb == ORDER_CANCEL && flag};
    struct event *event = &story[before->version + 1];
    struct order after;
    struct failure failure;
    assert_int_equal(lifecycle_apply(before, &request, 50 + before->version, &story_arena, &after,
                                     &event->change, &failure),
                     VERB_CHANGES);
    event->kind = event_codec_kind_of_verb(verb);
    event->event_id = id((uint8_t)after.version);
    event->event_time_us = 50 + before->version;
    event->epoch = EPOCH;
    event->order.order_id = before->order_id;
    return after;
}

static size_t product_at(const char *product_id)
{
    return product_id[0] == 'b';
}

static void learn(struct event_plan *plan, bool waited)
{
    for (size_t i = 0; i < plan->slot_count; i++) {
        struct plan_slot *slot = &plan->slots[i];
        const struct row *row = &db.rows[slot->order != NULL ? slot->version : 1];
        slot->fresh = waited || !row->there;
        slot->winner = row->there ? row->event_id : slot->winner;
        if (slot->fresh && slot->order == NULL) { /* inserted before orders are locked */
            db.has_order = true;
            db.order = slot->event->order;
        }
    }
    for (size_t i = 0; i < plan->changed_count; i++) {
        plan->orders[i].known = db.has_order;
        plan->orders[i].order = db.order;
        plan->orders[i].loaded = db.order.lines;
    }
    for (size_t i = 0; i < plan->product_count; i++) {
        struct plan_product *product = &plan->products[i];
        product->known = true;
        product->on_hand = db.on_hand[product_at(product->product_id)];
        product->reserved = db.reserved[product_at(product->product_id)];
    }
}

static void keep(const struct event_plan *plan)
{
    for (size_t i = 0; i < plan->slot_count; i++) {
        const struct plan_slot *slot = &plan->slots[i];
        if (slot->fresh) {
            db.rows[slot->order != NULL ? slot->version : 1] =
                (struct row){true, slot->outcome == EVENT_WAITING, slot->event->event_id};
        }
    }
    for (size_t i = 0; i < plan->changed_count; i++) {
        if (plan->orders[i].changed) {
            db.order = plan->orders[i].order;
            db.order.lines = arena_alloc(&story_arena, 3 * sizeof *db.order.lines);
            assert_non_null(db.order.lines);
            memcpy(db.order.lines, plan->orders[i].order.lines, 3 * sizeof *db.order.lines);
        }
    }
    for (size_t i = 0; i < plan->product_count; i++) {
        const struct plan_product *product = &plan->products[i];
        size_t at = product_at(product->product_id);
        db.on_hand[at] += product->delta_on_hand;
        db.reserved[at] += product->delta_reserved;
        db.redis[at] += product->delta_redis;
        assert_int_equal(db.on_hand[at], product->on_hand);
        assert_int_equal(db.reserved[at], product->reserved);
    }
    db.refused += plan->rejected_count;
}

static void write_events(struct stored_event *stored, size_t count, bool waited)
{
    struct event_plan plan;
    struct failure failure;
    assert_int_equal(event_plan_prepare(&plan, stored, count, &arena, &failure), STATUS_OK);
    learn(&plan, waited);
    if (!waited) {
        event_plan_lapse(&plan, EPOCH);
    }
    assert_true(event_plan_decide(&plan, EPOCH));
    keep(&plan);
}

/* A transaction, and the one that applies what it made ready. */
static void write_batch(const size_t *versions, size_t count)
{
    struct stored_event stored[32];
    arena_reset(&arena);
    for (size_t i = 0; i < count; i++) {
        stored[i] = (struct stored_event){.event = &story[versions[i]]};
    }
    write_events(stored, count, false);
    size_t waiting = 0;
    for (size_t version = 2; version <= VERSION_MAX; version++) {
        if (db.rows[version].there && db.rows[version].waits) {
            stored[waiting++] = (struct stored_event){.event = &story[version]};
        }
    }
    if (waiting > 0 && db.has_order && db.rows[db.order.version + 1].waits) {
        write_events(stored, waiting, true);
    }
}

static void begin_database(void)
{
    memset(&db, 0, sizeof db);
    db.on_hand[0] = db.on_hand[1] = ON_HAND;
}

static void shuffle(size_t *versions, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t with = (size_t)random() % i;
        size_t kept = versions[i - 1];
        versions[i - 1] = versions[with];
        versions[with] = kept;
    }
}

/* Every event at least once, some again, in random batches. */
static void arrive(size_t last)
{
    size_t versions[16];
    size_t count = 0;
    for (size_t version = 1; version <= last; version++) {
        versions[count++] = version;
    }
    while (count < 16 && random() % 4 != 0) {
        versions[count++] = 1 + (size_t)random() % last;
    }
    shuffle(versions, count);
    begin_database();
    for (size_t at = 0; at < count;) {
        size_t some = 1 + (size_t)random() % (count - at);
        write_batch(versions + at, some);
        at += some;
    }
}

static void assert_end(const struct order *expected, const int64_t *numbers)
{
    assert_int_equal(db.refused, 0);
    assert_int_equal(db.order.state, expected->state);
    assert_int_equal(db.order.version, expected->version);
    assert_int_equal(db.order.confirm_time_us, expected->confirm_time_us);
    assert_int_equal(db.order.expire_time_us, expected->expire_time_us);
    assert_string_equal(db.order.payment_reference, expected->payment_reference);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(db.order.lines[i].fulfilled_quantity,
                         expected->lines[i].fulfilled_quantity);
        assert_int_equal(db.order.lines[i].cancelled_quantity,
                         expected->lines[i].cancelled_quantity);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(db.on_hand[i], numbers[3 * i]);
        assert_int_equal(db.reserved[i], numbers[3 * i + 1]);
        assert_int_equal(db.redis[i], numbers[3 * i + 2]);
    }
}

/* Confirmed, a part cancelled, a part shipped, the rest shipped. */
static void test_s33_any_order_of_arrival_ends_the_same(void **state)
{
    (void)state;
    begin_story(ORDER_PENDING);
    struct order order = tell(&story[1].order, ORDER_CONFIRM, 0, 0, false);
    order = tell(&order, ORDER_CANCEL, 1, 2, false);
    order = tell(&order, ORDER_FULFIL, 2, 3, false);
    order = tell(&order, ORDER_FULFIL, 0, 0, false);
    assert_int_equal(order.state, ORDER_FULFILLED);
    for (int round = 0; round < ROUNDS; round++) {
        arrive(5);
        assert_end(&order, (const int64_t[]){ON_HAND - 5, 0, 2, ON_HAND - 3, 0, 0});
    }
}

static void test_s33_an_expired_hold_taken_again(void **state)
{
    (void)state;
    begin_story(ORDER_PENDING);
    struct order order = tell(&story[1].order, ORDER_CANCEL, 3, 2, true);
    order = tell(&order, ORDER_EXPIRE, 0, 0, false);
    order = tell(&order, ORDER_CONFIRM, 0, 0, true);
    order = tell(&order, ORDER_CANCEL, 0, 0, false);
    assert_int_equal(order.state, ORDER_CANCELLED);
    for (int round = 0; round < ROUNDS; round++) {
        arrive(5);
        /* a: 2 written off; 5 came back twice, of which Redis had given one lot out again */
        assert_end(&order, (const int64_t[]){ON_HAND - 2, 0, 10, ON_HAND, 0, 6});
    }
}

static void test_a_gap_holds_back_what_comes_after(void **state)
{
    (void)state;
    begin_story(ORDER_CONFIRMED);
    struct order order = tell(&story[1].order, ORDER_CANCEL, 1, 1, false);
    (void)tell(&order, ORDER_CANCEL, 1, 1, false);
    begin_database();
    write_batch((const size_t[]){1, 3}, 2);
    assert_int_equal(db.order.version, 1);
    assert_true(db.rows[3].waits);
    assert_int_equal(db.redis[0], 0);
    write_batch((const size_t[]){2}, 1);
    assert_int_equal(db.order.version, 3);
    assert_false(db.rows[3].waits);
    assert_int_equal(db.redis[0], 2);
}

static void test_an_event_that_contradicts_the_order_is_refused(void **state)
{
    (void)state;
    begin_story(ORDER_CONFIRMED);
    struct order order = tell(&story[1].order, ORDER_CANCEL, 1, 1, false);
    (void)tell(&order, ORDER_CANCEL, 1, 1, false);
    story[2].change.lines[0].quantity = 6; /* of 5 */
    arrive(3);
    assert_int_equal(db.refused, 1);
    assert_int_equal(db.order.version, 3); /* passed over */
    assert_int_equal(db.redis[0], 1);
    assert_int_equal(db.reserved[0], 6);
}

static void test_a_version_decided_twice_counts_once(void **state)
{
    (void)state;
    begin_story(ORDER_CONFIRMED);
    (void)tell(&story[1].order, ORDER_CANCEL, 0, 0, false);
    begin_database();
    write_batch((const size_t[]){1, 2}, 2);
    story[2].event_id = id(99);
    arena_reset(&arena);
    struct stored_event other = {.event = &story[2]};
    struct event_plan plan;
    struct failure failure;
    assert_int_equal(event_plan_prepare(&plan, &other, 1, &arena, &failure), STATUS_OK);
    learn(&plan, false);
    assert_true(event_plan_is_double(&plan.events[0], EPOCH));
    assert_false(event_plan_is_double(&plan.events[0], EPOCH + 1));
    plan.events[0].doubled = true;
    assert_true(event_plan_decide(&plan, EPOCH));
    assert_int_equal(other.outcome, EVENT_DOUBLE);
    for (size_t i = 0; i < plan.product_count; i++) {
        assert_int_equal(plan.products[i].delta_redis, 0); /* a cancellation took nothing */
    }
}

/* Of an epoch that ended: only what does not lapse is applied, and takes its units now. */
static void test_units_taken_again_in_an_epoch_that_ended_are_taken_from_this_one(void **state)
{
    (void)state;
    begin_story(ORDER_PENDING);
    struct order order = tell(&story[1].order, ORDER_EXPIRE, 0, 0, false);
    (void)tell(&order, ORDER_CONFIRM, 0, 0, true);
    begin_database();
    write_batch((const size_t[]){1, 2}, 2);
    story[3].epoch = EPOCH - 1;
    write_batch((const size_t[]){3}, 1);
    assert_int_equal(db.order.version, 2);
    assert_false(db.rows[3].there);
    arena_reset(&arena);
    struct stored_event wanted = {.event = &story[3], .lasting = true};
    write_events(&wanted, 1, false);
    assert_int_equal(wanted.outcome, EVENT_LATE);
    assert_int_equal(db.order.version, 3);
    assert_int_equal(db.reserved[0], 7);
    assert_int_equal(db.redis[0], 0); /* 7 back, 7 taken */
}

/* An order that is told in two epochs, version 2 in both, goes the second one's way: whether they
 * meet in a batch, in which order, or the old one finds the new one stored. */
static void test_a_change_lapses_with_its_epoch(void **state)
{
    (void)state;
    static const struct {
        uint8_t id[3]; /* of the events; 2 is of the epoch in force, 0 none */
        enum event_outcome outcomes[3];
    } CASES[] = {
        {{90, 2, 91}, {EVENT_LAPSED, EVENT_STORED, EVENT_LAPSED}},
        {{2, 90, 2}, {EVENT_STORED, EVENT_LAPSED, EVENT_DUPLICATE}},
        {{90, 91, 90}, {EVENT_LAPSED, EVENT_LAPSED, EVENT_LAPSED}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        begin_story(ORDER_CONFIRMED);
        (void)tell(&story[1].order, ORDER_CANCEL, 1, 1, false);
        begin_database();
        write_batch((const size_t[]){1}, 1);
        struct event told[3];
        struct stored_event stored[3];
        for (size_t j = 0; j < 3; j++) {
            told[j] = story[2];
            told[j].event_id = id(CASES[i].id[j]);
            told[j].epoch = CASES[i].id[j] == 2 ? EPOCH : EPOCH - 1;
            stored[j] = (struct stored_event){.event = &told[j]};
        }
        arena_reset(&arena);
        write_events(stored, 3, false);
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(stored[j].outcome, CASES[i].outcomes[j]);
        }
        bool changed = CASES[i].outcomes[0] == EVENT_STORED || CASES[i].outcomes[1] == EVENT_STORED;
        assert_int_equal(db.order.version, changed ? 2 : 1);
        assert_int_equal(db.redis[0], changed ? 1 : 0);
        assert_int_equal(db.rows[2].there, changed);
        arena_reset(&arena);
        told[0].epoch = EPOCH - 1;
        told[0].event_id = id(92);
        write_events(stored, 1, false);
        assert_int_equal(stored[0].outcome, EVENT_LAPSED);
        assert_int_equal(db.order.version, changed ? 2 : 1);
    }
}

static void test_a_change_of_a_rejected_order_is_refused(void **state)
{
    (void)state;
    begin_story(ORDER_PENDING);
    (void)tell(&story[1].order, ORDER_CONFIRM, 0, 0, false);
    begin_database();
    db.on_hand[0] = 1;
    write_batch((const size_t[]){1, 2}, 2);
    assert_int_equal(db.refused, 2);
    assert_int_equal(db.order.state, ORDER_REJECTED);
}

static int set_up(void **state)
{
    (void)state;
    srandom(4711);
    arena_init(&story_arena, 1 << 16, 256 << 20);
    arena_init(&arena, 1 << 16, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&story_arena);
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_s33_any_order_of_arrival_ends_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_s33_an_expired_hold_taken_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_gap_holds_back_what_comes_after, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_event_that_contradicts_the_order_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_version_decided_twice_counts_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_units_taken_again_in_an_epoch_that_ended_are_taken_from_this_one, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_a_change_lapses_with_its_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_change_of_a_rejected_order_is_refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
