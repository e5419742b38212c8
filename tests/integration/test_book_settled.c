/* What Redis keeps of events that PostgreSQL has, and how they come back. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

static const struct book_retention LONG_ENOUGH = {600000, 1 << 30};

static void settle(struct book_fixture *fixture, struct book_decision *decision, struct bytes batch)
{
    const struct book_take take = {"a", 1};
    *decision = book_fixture_decision(&take, 1); /* whether it ever was in the outbox or not */
    const struct book_settled settled = {decision->event_id, decision->record_id};
    assert_int_equal(book_settle(fixture->book, &settled, 1, batch, NULL), STATUS_OK);
}

static int64_t kept(struct book_fixture *fixture)
{
    return book_fixture_command(fixture->link, "XLEN", "{s0}:settled", NULL);
}

/* Walks to the end; the batches' numbers, in the order in which they came. */
static size_t walk(struct book_fixture *fixture, struct book_walk *walk, int *numbers, size_t room)
{
    struct bytes batches[BOOK_WALK_BATCHES_MAX];
    size_t count, walked = 0;
    do {
        assert_int_equal(book_walk_settled(fixture->book, walk, batches, &count, NULL), STATUS_OK);
        for (size_t i = 0; i < count; i++) {
            assert_true(walked < room);
            numbers[walked++] = (int)strtol((const char *)batches[i].data, NULL, 10);
        }
    } while (count > 0);
    return walked;
}

static struct bytes numbered(int number)
{
    static char text[16];
    return bytes_of(text, (size_t)snprintf(text, sizeof text, "%d", number));
}

static void test_a_settled_batch_is_kept_and_the_newest_comes_first(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision decision;
    int numbers[300];
    struct book_walk all = {.before = ""};
    assert_int_equal(walk(fixture, &all, numbers, 300), 0);
    assert_string_equal(all.newest, "");
    for (int i = 0; i < 90; i++) { /* more than a step takes */
        settle(fixture, &decision, numbered(i));
    }
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 0);
    assert_int_equal(walk(fixture, &all, numbers, 300), 90);
    for (int i = 0; i < 90; i++) {
        assert_int_equal(numbers[i], 89 - i);
    }
    settle(fixture, &decision, numbered(100));
    struct book_walk newer = {.before = ""};
    memcpy(newer.after, all.newest, sizeof newer.after);
    assert_int_equal(walk(fixture, &newer, numbers, 300), 1);
    assert_int_equal(numbers[0], 100);
}

static void test_a_step_takes_few_large_batches(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision decision;
    char *large = calloc(1, 200 * 1024);
    assert_non_null(large);
    for (int i = 0; i < 3; i++) {
        settle(fixture, &decision, bytes_of(large, 200 * 1024));
    }
    free(large);
    struct book_walk all = {.before = ""};
    struct bytes batches[BOOK_WALK_BATCHES_MAX];
    size_t count;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(book_walk_settled(fixture->book, &all, batches, &count, NULL), STATUS_OK);
        assert_int_equal(count, 1);
        assert_int_equal(batches[0].size, 200 * 1024);
    }
    assert_int_equal(book_walk_settled(fixture->book, &all, batches, &count, NULL), STATUS_OK);
    assert_int_equal(count, 0);
}

static void test_what_is_old_goes(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision decision;
    for (int i = 0; i < 300; i++) {
        settle(fixture, &decision, numbered(i));
    }
    assert_int_equal(book_trim_settled(fixture->book, &LONG_ENOUGH, NULL), STATUS_OK);
    assert_int_equal(kept(fixture), 300);
    /* By whole nodes of the stream: at most one of them, 100 batches, stays. */
    const struct book_retention none = {-60000, 1 << 30};
    assert_int_equal(book_trim_settled(fixture->book, &none, NULL), STATUS_OK);
    assert_in_range(kept(fixture), 0, 100);
}

static void test_what_is_too_much_goes(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision decision;
    char batch[10000] = {0};
    for (int i = 0; i < 200; i++) {
        settle(fixture, &decision, bytes_of(batch, sizeof batch));
    }
    const struct book_retention megabyte = {600000, 1000000};
    assert_int_equal(book_trim_settled(fixture->book, &megabyte, NULL), STATUS_OK);
    assert_in_range(kept(fixture), 50, 101);
}

static void test_a_full_memory_keeps_nothing_and_settles(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    assert_int_equal(book_confirm(fixture->book, &decision.event_id, 1, NULL), STATUS_OK);
    redis_link_add_text(fixture->link, "CONFIG", "SET", "maxmemory", "1", NULL);
    const struct redis_reply *replies;
    assert_int_equal(redis_link_exchange(fixture->link, 0, &replies, NULL), STATUS_OK);
    const struct book_settled settled = {decision.event_id, decision.record_id};
    assert_int_equal(book_settle(fixture->book, &settled, 1, numbered(1), NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 0);
    assert_int_equal(kept(fixture), 0);
    /* And what was lost comes back also then. */
    const struct book_claimed lost = {decision.event_id, decision.event};
    assert_int_equal(book_unsettle(fixture->book, &lost, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 1);
}

static void test_what_is_lost_is_due_and_fences(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision decision;
    settle(fixture, &decision, numbered(1));
    const struct book_claimed lost = {decision.event_id, decision.event};
    for (int i = 0; i < 2; i++) { /* twice is harmless */
        assert_int_equal(book_unsettle(fixture->book, &lost, 1, NULL), STATUS_OK);
    }
    struct book_gauges gauges = book_fixture_gauges(fixture->book);
    assert_int_equal(gauges.outbox, 1);
    assert_int_equal(gauges.unconfirmed, 1);
    struct book_claimed claimed[2];
    size_t count;
    assert_int_equal(book_claim(fixture->book, BOOK_DUE_CONFIRM, claimed, 2, 1000, &count, NULL),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(bytes_equal(claimed[0].event, decision.event));
    assert_int_equal(book_fixture_take(fixture->book, "a", 1), BOOK_FENCED);
    bool open;
    assert_int_equal(book_check(fixture->book, BOOK_TEST_EPOCH, &open, NULL), STATUS_OK);
    assert_false(open);
}

static void test_the_store_and_the_highest_epoch_are_remembered(void **state)
{
    struct book_fixture *fixture = *state;
    char name[BOOK_STORE_BYTES];
    int64_t highest;
    assert_int_equal(book_read_store(fixture->book, name, NULL), STATUS_OK);
    assert_string_equal(name, "");
    assert_int_equal(book_note_store(fixture->book, "7/00000001/5", NULL), STATUS_OK);
    assert_int_equal(book_read_store(fixture->book, name, NULL), STATUS_OK);
    assert_string_equal(name, "7/00000001/5");
    assert_int_equal(book_highest_epoch(fixture->book, &highest, NULL), STATUS_OK);
    assert_int_equal(highest, BOOK_TEST_EPOCH);
    assert_int_equal(book_open_begin(fixture->book, NULL), STATUS_OK); /* no epoch is in force */
    assert_int_equal(book_highest_epoch(fixture->book, &highest, NULL), STATUS_OK);
    assert_int_equal(highest, BOOK_TEST_EPOCH);
}

#define MEASURED 10000

/* The figures of docs/RELIABILITY.md: bytes of Redis for an order of one line, waiting and kept. */
static void test_an_entry_takes_no_more_than_is_said(void **state)
{
    struct book_fixture *fixture = *state;
    static struct book_decision decisions[100];
    static struct book_settled settled[100];
    static char event[300];
    static const struct book_take take = {"a", 1};
    redis_link_add_text(fixture->link, "HSET", "{s0}:stock", "a", "1000000", NULL);
    const struct redis_reply *replies;
    assert_int_equal(redis_link_exchange(fixture->link, 0, &replies, NULL), STATUS_OK);
    char *joined = calloc(100, 304);
    assert_non_null(joined);
    for (int i = 0; i < MEASURED / 100; i++) {
        for (int j = 0; j < 100; j++) {
            decisions[j] = book_fixture_decision(&take, 1);
            decisions[j].event = bytes_of(event, sizeof event);
        }
        book_decide(fixture->book, decisions, 100, 0);
        assert_int_equal(decisions[99].outcome, BOOK_DECIDED);
    }
    int64_t waiting = book_fixture_command(fixture->link, "MEMORY", "USAGE", "{s0}:outbox") +
                      book_fixture_command(fixture->link, "MEMORY", "USAGE", "{s0}:unconfirmed");
    for (int i = 0; i < MEASURED / 100; i++) {
        for (int j = 0; j < 100; j++) {
            settled[j] = (struct book_settled){decisions[j].event_id, decisions[j].record_id};
        }
        assert_int_equal(
            book_settle(fixture->book, settled, 100, bytes_of(joined, 100 * 304), NULL), STATUS_OK);
    }
    int64_t after = book_fixture_command(fixture->link, "MEMORY", "USAGE", "{s0}:settled");
    free(joined);
    print_message("an event of 300 bytes: waiting %lld, kept %lld bytes\n",
                  (long long)(waiting / MEASURED), (long long)(after / MEASURED));
    assert_in_range(waiting / MEASURED, 300, 700);
    assert_in_range(after / MEASURED, 300, 400);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_fixture_setup, book_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_settled_batch_is_kept_and_the_newest_comes_first),
        TEST(test_a_step_takes_few_large_batches),
        TEST(test_what_is_old_goes),
        TEST(test_what_is_too_much_goes),
        TEST(test_a_full_memory_keeps_nothing_and_settles),
        TEST(test_what_is_lost_is_due_and_fences),
        TEST(test_the_store_and_the_highest_epoch_are_remembered),
        TEST(test_an_entry_takes_no_more_than_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
