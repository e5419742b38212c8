#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "tests/cmocka_all.h"

static void test_takes_in_order_all_that_waits(void **state)
{
    (void)state;
    struct queue *queue = queue_create(4);
    int items[5];
    for (int i = 0; i < 4; i++) {
        assert_true(queue_put(queue, &items[i]));
    }
    assert_false(queue_put(queue, &items[4]));
    void *taken[8];
    assert_int_equal(queue_take(queue, taken, 3, -1), 3);
    assert_true(queue_put(queue, &items[4])); /* wraps around */
    assert_int_equal(queue_take(queue, taken + 3, 5, -1), 2);
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
    struct queue *queue = queue_create(1);
    void *taken;
    assert_int_equal(queue_take(queue, &taken, 1, 0), 0);
    assert_int_equal(queue_take(queue, &taken, 1, 5), 0);
    queue_destroy(&queue);
}

static void test_close_hands_out_the_rest_then_nothing(void **state)
{
    (void)state;
    struct queue *queue = queue_create(2);
    int item;
    assert_true(queue_put(queue, &item));
    queue_close(queue);
    assert_false(queue_put(queue, &item));
    void *taken;
    assert_int_equal(queue_take(queue, &taken, 1, -1), 1);
    assert_int_equal(queue_take(queue, &taken, 1, -1), 0);
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
    void *taken[64];
    size_t count;
    while ((count = queue_take(crowd->queue, taken, 64, -1)) > 0) {
        for (size_t i = 0; i < count; i++) {
            int item = *(int *)taken[i];
            atomic_fetch_add(&crowd->seen[item / EACH][item % EACH], 1);
        }
    }
    return NULL;
}

static void test_many_threads_see_each_item_once(void **state)
{
    (void)state;
    static struct crowd crowd;
    crowd.queue = queue_create(128);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_in_order_all_that_waits),
        cmocka_unit_test(test_an_empty_queue_gives_up_in_time),
        cmocka_unit_test(test_close_hands_out_the_rest_then_nothing),
        cmocka_unit_test(test_many_threads_see_each_item_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
