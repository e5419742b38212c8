#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/queue.h"
#include "tests/cmocka_all.h"

static void test_takes_in_order_all_that_waits(void **state)
{
    (void)state;
    struct queue *queue = queue_create(4, NULL);
    int items[5];
    for (int i = 0; i < 4; i++) {
        assert_true(queue_put(queue, &items[i]));
    }
    assert_false(queue_put(queue, &items[4]));
    struct queue_taker taker = {0};
    void *taken[8];
    assert_int_equal(queue_take(queue, &taker, taken, 3, -1), 3);
    assert_true(queue_put(queue, &items[4])); /* wraps around */
    assert_int_equal(queue_take(queue, &taker, taken + 3, 5, -1), 2);
    for (int i = 0; i < 5; i++) {
        assert_ptr_equal(taken[i], &items[i]);
    }
    assert_int_equal(queue_depth(queue), 0);
    queue_destroy(&queue);
    assert_null(queue);
    queue_destroy(&queue);
}

static void test_an_empty_queue_gives_up_in_time(void **state)
{
    (void)state;
    struct queue *queue = queue_create(1, NULL);
    struct queue_taker taker = {0};
    void *taken;
    assert_int_equal(queue_take(queue, &taker, &taken, 1, 0), 0);
    assert_int_equal(queue_take(queue, &taker, &taken, 1, 5), 0);
    queue_destroy(&queue);
}

static void test_close_hands_out_the_rest_then_nothing(void **state)
{
    (void)state;
    struct queue *queue = queue_create(2, NULL);
    int item;
    assert_true(queue_put(queue, &item));
    queue_close(queue);
    assert_false(queue_put(queue, &item));
    struct queue_taker taker = {0};
    void *taken;
    assert_int_equal(queue_take(queue, &taker, &taken, 1, -1), 1);
    assert_int_equal(queue_take(queue, &taker, &taken, 1, -1), 0);
    queue_destroy(&queue);
}

#define PUTTERS 4
#define TAKERS  3
#define EACH    20000

struct crowd {
    struct queue *queue;
    int items[PUTTERS][EACH];
    _Atomic int seen[PUTTERS][EACH];
};

struct putter {
    struct crowd *crowd;
    int number;
};

static void *put_all(void *argument)
{
    struct putter *putter = argument;
    for (int i = 0; i < EACH; i++) {
        putter->crowd->items[putter->number][i] = putter->number * EACH + i;
        while (!queue_put(putter->crowd->queue, &putter->crowd->items[putter->number][i])) {
            (void)sched_yield();
        }
    }
    return NULL;
}

static void *take_all(void *argument)
{
    struct crowd *crowd = argument;
    struct queue_taker taker = {0};
    void *taken[64];
    size_t count;
    while ((count = queue_take(crowd->queue, &taker, taken, 64, -1)) > 0) {
        for (size_t i = 0; i < count; i++) {
            int item = *(int *)taken[i];
            atomic_fetch_add(&crowd->seen[item / EACH][item % EACH], 1);
        }
    }
    return NULL;
}

static void crowd_in(const struct queue_pace *pace)
{
    static struct crowd crowd;
    memset(&crowd, 0, sizeof crowd);
    crowd.queue = queue_create(128, pace);
    pthread_t takers[TAKERS];
    pthread_t threads[PUTTERS];
    struct putter putters[PUTTERS];
    for (int i = 0; i < TAKERS; i++) {
        assert_int_equal(pthread_create(&takers[i], NULL, take_all, &crowd), 0);
    }
    for (int i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){&crowd, i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_all, &putters[i]), 0);
    }
    for (int i = 0; i < PUTTERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    queue_close(crowd.queue);
    for (int i = 0; i < TAKERS; i++) {
        (void)pthread_join(takers[i], NULL);
    }
    for (int i = 0; i < PUTTERS * EACH; i++) {
        assert_int_equal(crowd.seen[i / EACH][i % EACH], 1);
    }
    queue_destroy(&crowd.queue);
}

static void test_many_threads_see_each_item_once(void **state)
{
    (void)state;
    crowd_in(NULL);
}

static void test_with_a_pace_many_threads_see_each_item_once(void **state)
{
    (void)state;
    static const struct queue_pace paces[] = {
        {.join_from = 32, .join_ms = 1, .gather_from = 8, .gather_us_max = 500},
        {.join_from = 32, .join_ms = 60000},
        {.gather_from = 8, .gather_us_max = 500},
    };
    for (size_t i = 0; i < sizeof paces / sizeof paces[0]; i++) {
        crowd_in(&paces[i]);
    }
}

/* One is at work on an item; how many have to wait until another begins? */
static void test_while_one_is_at_work_another_joins_for_many(void **state)
{
    (void)state;
    static const struct queue_pace pace = {.join_from = 3, .join_ms = 60000};
    struct queue *queue = queue_create(8, &pace);
    struct queue_taker one = {0}, other = {0};
    int item;
    void *taken[8];
    assert_true(queue_put(queue, &item));
    assert_int_equal(queue_take(queue, &one, taken, 8, -1), 1);
    for (size_t i = 0; i < pace.join_from - 1; i++) {
        assert_true(queue_put(queue, &item));
    }
    assert_int_equal(queue_take(queue, &other, taken, 8, 0), 0);
    assert_true(queue_put(queue, &item));
    assert_int_equal(queue_take(queue, &other, taken, 8, -1), 3);
    assert_true(queue_put(queue, &item));
    assert_int_equal(queue_take(queue, &one, taken, 8, 0), 0); /* now the other is at work */
    assert_int_equal(queue_take(queue, &other, taken, 8, -1), 1);
    queue_destroy(&queue);
}

static void test_or_for_what_has_waited_long(void **state)
{
    (void)state;
    static const struct queue_pace pace = {.join_from = 3, .join_ms = 1};
    struct queue *queue = queue_create(8, &pace);
    struct queue_taker one = {0}, other = {0};
    int item;
    void *taken[8];
    assert_true(queue_put(queue, &item));
    assert_int_equal(queue_take(queue, &one, taken, 8, -1), 1);
    assert_true(queue_put(queue, &item));
    assert_int_equal(queue_take(queue, &other, taken, 8, -1), 1);
    queue_destroy(&queue);
}

struct other {
    struct queue *queue;
    size_t count;
};

static void *take_two(void *argument)
{
    struct other *other = argument;
    struct queue_taker taker = {0};
    void *taken[2];
    other->count = queue_take(other->queue, &taker, taken, 2, -1);
    return NULL;
}

/* Who waits for company is woken by the last of it, and by the end. */
static void test_a_taker_that_waits_for_more_is_woken(void **state)
{
    (void)state;
    static const struct queue_pace pace = {.join_from = 2, .join_ms = 600000};
    for (int closes = 0; closes <= 1; closes++) {
        struct queue *queue = queue_create(8, &pace);
        struct queue_taker one = {0};
        int item;
        void *taken[8];
        assert_true(queue_put(queue, &item));
        assert_int_equal(queue_take(queue, &one, taken, 8, -1), 1);
        struct other other = {.queue = queue};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, take_two, &other), 0);
        assert_true(queue_put(queue, &item));
        if (closes) {
            queue_close(queue);
        } else {
            assert_true(queue_put(queue, &item));
        }
        (void)pthread_join(thread, NULL);
        assert_int_equal(other.count, closes ? 1 : 2);
        queue_destroy(&queue);
    }
}

static void test_gathering_takes_a_quarter_of_the_time_that_the_batch_took(void **state)
{
    (void)state;
    static const struct queue_pace pace = {.gather_from = 8, .gather_us_max = 3000};
    const struct queue_taker few = {.had = 7, .took_us = 1000}, many = {.had = 8, .took_us = 1000};
    assert_int_equal(queue_gather_us(&pace, &few, 5000), 0);
    assert_int_equal(queue_gather_us(&pace, &many, 5000), 1000);
    assert_int_equal(queue_gather_us(&pace, &many, 13000), 3000);
    assert_int_equal(queue_gather_us(&pace, &many, 13004), 3000);
    assert_int_equal(queue_gather_us(&(struct queue_pace){0}, &many, 13000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_in_order_all_that_waits),
        cmocka_unit_test(test_an_empty_queue_gives_up_in_time),
        cmocka_unit_test(test_close_hands_out_the_rest_then_nothing),
        cmocka_unit_test(test_many_threads_see_each_item_once),
        cmocka_unit_test(test_with_a_pace_many_threads_see_each_item_once),
        cmocka_unit_test(test_while_one_is_at_work_another_joins_for_many),
        cmocka_unit_test(test_or_for_what_has_waited_long),
        cmocka_unit_test(test_a_taker_that_waits_for_more_is_woken),
        cmocka_unit_test(test_gathering_takes_a_quarter_of_the_time_that_the_batch_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
