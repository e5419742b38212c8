/* The plan is told what a database would answer, and asked what follows. */
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "worker/event_plan.h"

#define EPOCH 7

static struct arena arena;
static struct event events[8];
static struct order_line lines[8][4];
static struct stored_event stored[8];
static size_t count;
static struct event_plan plan;

static struct uuid id(uint8_t number)
{
    return (struct uuid){{number}};
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    memset(events, 0, sizeof events);
    memset(stored, 0, sizeof stored);
    count = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct event *add(uint8_t event_id, int64_t epoch)
{
    struct event *event = &events[count];
    event->event_id = id(event_id);
    event->epoch = epoch;
    stored[count].event = event;
    count++;
    return event;
}

/* One line. */
static struct event *add_order(uint8_t event_id, uint8_t order_id, int64_t epoch,
                               const char *product_id, int32_t quantity)
{
    struct order_line *line = lines[count];
    struct event *event = add(event_id, epoch);
    line[0] = (struct order_line){.product_id = product_id, .quantity = quantity};
    event->kind = EVENT_ORDER_CREATED;
    event->order = (struct order){.order_id = id(order_id), .lines = line, .line_count = 1};
    return event;
}

static void add_line(struct event *event, const char *product_id, int32_t quantity)
{
    event->order.lines[event->order.line_count++] =
        (struct order_line){.product_id = product_id, .quantity = quantity};
}

static void add_adjustment(uint8_t event_id, uint8_t entry_id, int64_t epoch,
                           const char *product_id, int64_t delta)
{
    struct event *event = add(event_id, epoch);
    event->kind = EVENT_STOCK_ADJUSTED;
    event->adjustment = (struct stock_adjustment){
        .adjustment_id = id(entry_id), .product_id = product_id, .delta = delta};
}

static void prepare(void)
{
    assert_int_equal(event_plan_prepare(&plan, stored, count, &arena, NULL), STATUS_OK);
    for (size_t i = 0; i < plan.slot_count; i++) {
        plan.slots[i].fresh = true;
    }
}

static struct plan_product *stock(const char *product_id, int64_t on_hand, int64_t reserved)
{
    struct plan_product *product = event_plan_product(&plan, product_id);
    assert_non_null(product);
    product->known = true;
    product->on_hand = on_hand;
    product->reserved = reserved;
    return product;
}

/* The database says: another event made this. */
static void was_made_by(enum event_kind kind, uint8_t key, uint8_t event_id)
{
    struct uuid wanted = id(key);
    struct plan_slot *slot = event_plan_slot(&plan, kind, &wanted);
    assert_non_null(slot);
    slot->fresh = false;
    slot->winner = id(event_id);
}

static void test_orders_are_summed_by_product(void **state)
{
    (void)state;
    struct event *event = add_order(1, 101, EPOCH, "b", 2);
    add_line(event, "a", 1);
    add_line(event, "b", 3);
    (void)add_order(2, 102, EPOCH, "b", 4);
    prepare();
    assert_int_equal(plan.product_count, 2);
    assert_string_equal(plan.products[0].product_id, "a");
    struct plan_product *a = stock("a", 10, 0);
    struct plan_product *b = stock("b", 10, 1);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_STORED);
    assert_int_equal(stored[1].outcome, EVENT_STORED);
    assert_int_equal(a->delta_reserved, 1);
    assert_int_equal(b->delta_reserved, 9);
    assert_int_equal(b->reserved, 10);
    assert_int_equal(b->delta_redis, 0); /* Redis took them when it decided */
    assert_int_equal(b->delta_on_hand, 0);
}

static void test_an_event_twice_in_a_batch_counts_once(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 2);
    (void)add_order(1, 101, EPOCH, "a", 2);
    prepare();
    struct plan_product *a = stock("a", 10, 0);
    assert_int_equal(plan.slot_count, 1);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_STORED);
    assert_int_equal(stored[1].outcome, EVENT_DUPLICATE);
    assert_int_equal(a->delta_reserved, 2);
}

static void test_what_the_database_has_changes_nothing(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 2);
    add_adjustment(2, 201, EPOCH, "a", 5);
    prepare();
    struct plan_product *a = stock("a", 10, 2);
    was_made_by(EVENT_ORDER_CREATED, 101, 1);
    was_made_by(EVENT_STOCK_ADJUSTED, 201, 2);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_DUPLICATE);
    assert_int_equal(stored[1].outcome, EVENT_DUPLICATE);
    assert_int_equal(a->delta_reserved, 0);
    assert_int_equal(a->delta_on_hand, 0);
    assert_int_equal(a->delta_redis, 0);
    assert_int_equal(plan.entry_count, 0);
}

static void test_a_second_reservation_is_given_back_once(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 2);
    (void)add_order(2, 101, EPOCH, "a", 3); /* in the same batch, even with another body */
    (void)add_order(2, 101, EPOCH, "a", 3);
    prepare();
    struct plan_product *a = stock("a", 10, 0);
    assert_false(event_plan_is_double(&plan.events[0], EPOCH));
    assert_true(event_plan_is_double(&plan.events[1], EPOCH));
    plan.events[1].doubled = true;
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_STORED);
    assert_int_equal(stored[1].outcome, EVENT_DOUBLE);
    assert_int_equal(stored[2].outcome, EVENT_DUPLICATE);
    assert_int_equal(a->delta_reserved, 2);
    assert_int_equal(a->delta_redis, 3);
}

static void test_a_second_reservation_delivered_again_gives_back_nothing(void **state)
{
    (void)state;
    (void)add_order(2, 101, EPOCH, "a", 3);
    prepare();
    struct plan_product *a = stock("a", 10, 2);
    was_made_by(EVENT_ORDER_CREATED, 101, 1);
    event_plan_decide(&plan, EPOCH); /* it was on record already: not `doubled` */
    assert_int_equal(stored[0].outcome, EVENT_DUPLICATE);
    assert_int_equal(a->delta_redis, 0);
}

static void test_a_second_reservation_of_an_older_epoch_is_stale(void **state)
{
    (void)state;
    (void)add_order(2, 101, EPOCH - 1, "a", 3);
    prepare();
    struct plan_product *a = stock("a", 10, 2);
    was_made_by(EVENT_ORDER_CREATED, 101, 1);
    assert_false(event_plan_is_double(&plan.events[0], EPOCH));
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_STALE);
    assert_int_equal(a->delta_redis, 0);
}

static void test_what_is_late_lapses(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH - 1, "a", 3);
    add_adjustment(2, 201, EPOCH - 1, "a", 4);
    prepare();
    struct plan_product *a = stock("a", 10, 7);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_LAPSED);
    assert_int_equal(stored[1].outcome, EVENT_LAPSED);
    assert_true(a->delta_reserved == 0 && a->delta_on_hand == 0 && a->delta_redis == 0);
    assert_int_equal(plan.entry_count + plan.rejected_count, 0);
    assert_int_equal(plan.unmade_count, 1);
    assert_ptr_equal(plan.unmade[0], &events[0].order.order_id);
}

/* Two copies of one event, of which PostgreSQL's loss has marked the second. */
static void test_a_copy_that_lapses_takes_nothing_from_one_that_lasts(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH - 1, "a", 3);
    (void)add_order(1, 101, EPOCH - 1, "a", 3);
    stored[1].lasting = true;
    prepare();
    struct plan_product *a = stock("a", 10, 0);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_DUPLICATE);
    assert_int_equal(stored[1].outcome, EVENT_LATE);
    assert_int_equal(plan.unmade_count, 0);
    assert_int_equal(a->delta_reserved, 3);
    assert_int_equal(a->delta_redis, -3); /* it was loaded without them */
}

static void test_the_guard_counts_the_batch_too(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH - 1, "a", 3);
    (void)add_order(2, 102, EPOCH - 1, "a", 1);
    (void)add_order(3, 103, EPOCH, "a", 1);
    stored[0].lasting = stored[1].lasting = true;
    prepare();
    struct plan_product *a = stock("a", 10, 7);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_LATE);
    assert_int_equal(stored[1].outcome, EVENT_REJECTED);
    assert_int_equal(stored[2].outcome, EVENT_REJECTED);
    assert_int_equal(a->reserved, 10);
    assert_int_equal(a->delta_reserved, 3);
    assert_int_equal(a->delta_redis, -3);
    assert_int_equal(plan.rejected_count, 2);
    assert_ptr_equal(plan.rejected[0], &events[1]);
}

static void test_a_rejected_order_takes_none_of_its_lines(void **state)
{
    (void)state;
    struct event *event = add_order(1, 101, EPOCH, "a", 1);
    add_line(event, "b", 1); /* has no stock row */
    prepare();
    struct plan_product *a = stock("a", 10, 0);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_REJECTED);
    assert_int_equal(a->delta_reserved, 0);
}

static void test_stock_goes_up_in_redis_only_now(void **state)
{
    (void)state;
    add_adjustment(1, 201, EPOCH, "a", 5);
    add_adjustment(2, 202, EPOCH - 1, "a", 4); /* the stock was loaded without it */
    stored[1].lasting = true;
    prepare();
    struct plan_product *a = stock("a", 10, 10);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_STORED);
    assert_int_equal(stored[1].outcome, EVENT_LATE);
    assert_int_equal(a->delta_on_hand, 9);
    assert_int_equal(a->delta_redis, 9);
    assert_int_equal(plan.entry_count, 2);
    assert_int_equal(plan.entries[0].on_hand_after, 15);
    assert_int_equal(plan.entries[1].on_hand_after, 19);
    assert_int_equal(plan.entries[1].reserved_after, 10);
}

static void test_stock_that_went_down_was_taken_from_redis_before(void **state)
{
    (void)state;
    add_adjustment(1, 201, EPOCH, "a", -2);
    add_adjustment(2, 202, EPOCH - 1, "a", -3); /* but not from this epoch's */
    stored[1].lasting = true;
    prepare();
    struct plan_product *a = stock("a", 10, 5);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(a->delta_on_hand, -5);
    assert_int_equal(a->delta_redis, -3);
}

static void test_stock_never_falls_below_what_is_reserved(void **state)
{
    (void)state;
    add_adjustment(1, 201, EPOCH, "a", -5);
    add_adjustment(2, 202, EPOCH, "a", -1);
    add_adjustment(3, 203, EPOCH, "none", 1);
    prepare();
    struct plan_product *a = stock("a", 10, 5);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_STORED);
    assert_int_equal(stored[1].outcome, EVENT_REJECTED);
    assert_int_equal(stored[2].outcome, EVENT_REJECTED);
    assert_int_equal(a->delta_on_hand, -5);
    assert_int_equal(plan.entry_count, 1);
}

static void test_a_second_adjustment_gives_back_what_it_took(void **state)
{
    (void)state;
    add_adjustment(2, 201, EPOCH, "a", -2);
    add_adjustment(3, 202, EPOCH, "b", 2);
    prepare();
    struct plan_product *a = stock("a", 10, 0);
    struct plan_product *b = stock("b", 10, 0);
    was_made_by(EVENT_STOCK_ADJUSTED, 201, 1);
    was_made_by(EVENT_STOCK_ADJUSTED, 202, 1);
    plan.events[0].doubled = true;
    plan.events[1].doubled = true;
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(stored[0].outcome, EVENT_DOUBLE);
    assert_int_equal(a->delta_redis, 2);
    assert_int_equal(a->delta_on_hand, 0);
    assert_int_equal(b->delta_redis, 0); /* upwards it had taken nothing */
}

static void test_an_order_and_an_entry_of_the_same_id_are_two_things(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 1);
    add_adjustment(2, 101, EPOCH, "a", 1);
    prepare();
    assert_int_equal(plan.slot_count, 2);
    assert_int_equal(plan.order_count, 1);
    struct plan_product *a = stock("a", 1, 0);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(a->delta_reserved, 1);
    assert_int_equal(a->delta_on_hand, 1);
}

static void test_a_full_arena_is_a_failure(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64, 256);
    for (uint8_t i = 0; i < 8; i++) {
        (void)add_order(i, i, EPOCH, "a", 1);
    }
    struct failure failure;
    assert_int_equal(event_plan_prepare(&plan, stored, count, &small, &failure),
                     STATUS_RESOURCE_EXHAUSTED);
    arena_fini(&small);
}

/* Whatever the batch: sums balance, and the guard holds. */
static void test_random_batches_keep_the_books(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"a", "b", "c"};
    srandom(20261122);
    for (int round = 0; round < 2000; round++) {
        arena_reset(&arena);
        count = 0;
        memset(stored, 0, sizeof stored);
        for (int i = 0; i < 8; i++) {
            uint8_t key = (uint8_t)(random() % 5);
            const char *name = NAMES[random() % 3];
            int64_t epoch = EPOCH - random() % 2;
            if (random() % 3 == 0) {
                add_adjustment((uint8_t)(random() % 6), key, epoch, name, random() % 9 - 4);
            } else {
                (void)add_order((uint8_t)(random() % 6), key, epoch, name,
                                (int32_t)(random() % 5 + 1));
            }
        }
        prepare();
        int64_t before[3][2] = {{0}};
        for (size_t i = 0; i < plan.product_count; i++) {
            before[i][0] = 5 + random() % 10;
            before[i][1] = random() % 5;
            (void)stock(plan.products[i].product_id, before[i][0], before[i][1]);
        }
        event_plan_decide(&plan, EPOCH);
        for (size_t i = 0; i < plan.product_count; i++) {
            const struct plan_product *product = &plan.products[i];
            assert_true(product->reserved <= product->on_hand);
            assert_int_equal(product->on_hand, before[i][0] + product->delta_on_hand);
            assert_int_equal(product->reserved, before[i][1] + product->delta_reserved);
        }
    }
}

static enum stock_crossing crossing_of(const char *product_id)
{
    struct stock_level after;
    return event_plan_crossing(event_plan_product(&plan, product_id), &after);
}

static void test_the_order_that_takes_a_product_to_its_threshold_is_told_once(void **state)
{
    (void)state;
    for (int64_t reserved = 0; reserved < 6; reserved++) {
        arena_reset(&arena);
        count = 0;
        (void)add_order(1, 101, EPOCH, "a", 1);
        prepare();
        struct plan_product *a = stock("a", 10, reserved);
        a->safety_stock = 2;
        a->low_stock_threshold = 3; /* 10 - 2 - 5 reserved */
        event_plan_decide(&plan, EPOCH);
        assert_int_equal(crossing_of("a"), reserved == 4 ? STOCK_LOW : STOCK_NOT_CROSSED);
    }
}

static void test_each_product_of_a_batch_crosses_for_itself(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 6);
    (void)add_order(2, 102, EPOCH, "a", 2); /* crossed already: the batch is told, not the order */
    add_adjustment(3, 201, EPOCH, "b", 5);
    (void)add_order(4, 103, EPOCH, "c", 1);
    prepare();
    stock("a", 10, 0)->low_stock_threshold = 4;
    stock("b", 1, 0)->low_stock_threshold = 1;
    stock("c", 10, 0)->low_stock_threshold = 1;
    event_plan_decide(&plan, EPOCH);
    struct stock_level after;
    assert_int_equal(event_plan_crossing(event_plan_product(&plan, "a"), &after), STOCK_LOW);
    assert_int_equal(after.available, 2);
    assert_int_equal(after.threshold, 4);
    assert_int_equal(event_plan_crossing(event_plan_product(&plan, "b"), &after), STOCK_BACK);
    assert_int_equal(after.available, 6);
    assert_int_equal(crossing_of("c"), STOCK_NOT_CROSSED);
}

static void test_a_dip_within_a_batch_is_not_told(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 3);
    add_adjustment(2, 201, EPOCH, "a", 3);
    prepare();
    stock("a", 3, 0);
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(crossing_of("a"), STOCK_NOT_CROSSED);
}

static void test_what_is_rejected_or_known_crosses_nothing(void **state)
{
    (void)state;
    (void)add_order(1, 101, EPOCH, "a", 4);
    (void)add_order(2, 102, EPOCH, "b", 2);
    (void)add_order(3, 103, EPOCH, "c", 1);
    prepare();
    stock("a", 3, 0);
    stock("b", 2, 0);
    was_made_by(EVENT_ORDER_CREATED, 102, 2); /* delivered again */
    event_plan_decide(&plan, EPOCH);
    assert_int_equal(crossing_of("a"), STOCK_NOT_CROSSED);
    assert_int_equal(crossing_of("b"), STOCK_NOT_CROSSED);
    assert_int_equal(crossing_of("c"), STOCK_NOT_CROSSED); /* no such product */
}

#define PLAN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAN_TEST(test_orders_are_summed_by_product),
        PLAN_TEST(test_an_event_twice_in_a_batch_counts_once),
        PLAN_TEST(test_what_the_database_has_changes_nothing),
        PLAN_TEST(test_a_second_reservation_is_given_back_once),
        PLAN_TEST(test_a_second_reservation_delivered_again_gives_back_nothing),
        PLAN_TEST(test_a_second_reservation_of_an_older_epoch_is_stale),
        PLAN_TEST(test_what_is_late_lapses),
        PLAN_TEST(test_a_copy_that_lapses_takes_nothing_from_one_that_lasts),
        PLAN_TEST(test_the_guard_counts_the_batch_too),
        PLAN_TEST(test_the_guard_counts_the_batch_too),
        PLAN_TEST(test_a_rejected_order_takes_none_of_its_lines),
        PLAN_TEST(test_stock_goes_up_in_redis_only_now),
        PLAN_TEST(test_stock_that_went_down_was_taken_from_redis_before),
        PLAN_TEST(test_stock_never_falls_below_what_is_reserved),
        PLAN_TEST(test_a_second_adjustment_gives_back_what_it_took),
        PLAN_TEST(test_an_order_and_an_entry_of_the_same_id_are_two_things),
        PLAN_TEST(test_a_full_arena_is_a_failure),
        PLAN_TEST(test_random_batches_keep_the_books),
        PLAN_TEST(test_the_order_that_takes_a_product_to_its_threshold_is_told_once),
        PLAN_TEST(test_each_product_of_a_batch_crosses_for_itself),
        PLAN_TEST(test_a_dip_within_a_batch_is_not_told),
        PLAN_TEST(test_what_is_rejected_or_known_crosses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
