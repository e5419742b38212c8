/* The book when Redis dies, forgets, freezes or is full. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

#define SHORT_MS   200
#define SENDING_MS 800 /* a busy machine has begun to send by then */
#define RECONNECT_TIMEOUT_MS \
    30000 /* the backoff ends at two seconds; the rest is for a busy machine */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static void command(struct redis_link *link, const char *verb, const char *first,
                    const char *second, const char *third)
{
    const struct redis_reply *reply;
    redis_link_add_text(link, verb, first, second, third, NULL);
    assert_int_equal(redis_link_exchange(link, 0, &reply, NULL), STATUS_OK);
    assert_int_not_equal(reply->type, REDIS_ERROR);
}

static void all_is_fenced(struct book *book)
{
    const struct book_delta delta = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 1};
    struct failure failure;
    assert_int_equal(book_fixture_take(book, "a", 1), BOOK_FENCED);
    assert_int_equal(book_apply(book, &delta, 1, &failure), STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "STOCK_FENCED");
    bool open = true;
    assert_int_equal(book_check(book, BOOK_TEST_EPOCH, &open, NULL), STATUS_OK);
    assert_false(open);
}

struct attempt {
    struct book *book;
    struct book_decision *decision;
};

static bool is_through(void *state)
{
    struct attempt *attempt = state;
    book_decide(attempt->book, attempt->decision, 1, 0);
    return attempt->decision->outcome != BOOK_FAILED ||
           attempt->decision->failure.code != STATUS_UNAVAILABLE;
}

/* As soon as the backoff allows. */
static enum book_outcome decide_when_back(struct book *book, struct book_decision *decision)
{
    struct attempt attempt = {book, decision};
    assert_true(wait_until(is_through, &attempt, RECONNECT_TIMEOUT_MS));
    return decision->outcome;
}

static bool is_known(void *state)
{
    struct attempt *attempt = state;
    book_decide(attempt->book, attempt->decision, 1, 0);
    return attempt->decision->outcome != BOOK_FAILED;
}

/* Asked again, as a caller does who has had no answer in time. */
static enum book_outcome decide_until_known(struct book *book, struct book_decision *decision)
{
    struct attempt attempt = {book, decision};
    assert_true(wait_until(is_known, &attempt, RECONNECT_TIMEOUT_MS));
    return decision->outcome == BOOK_REPEATED ? BOOK_DECIDED : decision->outcome;
}

/* ---- Redis may have lost writes ---- */

static void test_a_restart_fences_and_keeps_what_was_decided(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 3};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    command(fixture->link, "WAITAOF", "1", "0", "0"); /* on the disk: while it is busy with that,
                                                       * Redis holds back what it writes */
    redis_server_kill(&fixture->server);
    redis_server_start(&fixture->server, NULL);

    all_is_fenced(fixture->book); /* the lost connection is noticed before anything is sent */
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 97);
    struct book_lookup lookup = {.record_id = decision.record_id};
    assert_int_equal(book_read(fixture->book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_true(lookup.found && lookup.unconfirmed);

    /* What takes no stock goes on: confirmed, claimed, settled. */
    struct book_claimed claimed;
    size_t count;
    const struct book_settled settled = {decision.event_id, decision.record_id};
    assert_int_equal(book_claim(fixture->book, BOOK_DUE_CONFIRM, &claimed, 1, 1, &count, NULL),
                     STATUS_OK);
    assert_int_equal(book_confirm(fixture->book, &decision.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 0);

    book_fixture_open(fixture->book, BOOK_TEST_EPOCH + 1);
    assert_int_equal(book_fixture_take(fixture->book, "a", 100), BOOK_DECIDED);
}

static void test_a_flushed_redis_is_fenced(void **state)
{
    struct book_fixture *fixture = *state;
    command(fixture->link, "FLUSHALL", NULL, NULL, NULL);
    all_is_fenced(fixture->book);
}

static void test_flushed_scripts_fence(void **state)
{
    struct book_fixture *fixture = *state;
    command(fixture->link, "SCRIPT", "FLUSH", NULL, NULL);
    all_is_fenced(fixture->book);
    struct book_gauges gauges = book_fixture_gauges(fixture->book);
    assert_int_equal(gauges.outbox, 0);
}

/* A decision's effects reach the file as one transaction: a torn tail loses all of it or nothing.
 */
static void f06_a_torn_file_keeps_counter_record_and_outbox_together(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take takes[] = {{"a", 3}, {"b", 3}};
    struct book_decision first = book_fixture_decision(takes, 2);
    struct book_decision second = book_fixture_decision(takes, 2);
    assert_int_equal(book_fixture_decide(fixture->book, &first), BOOK_DECIDED);
    assert_int_equal(book_fixture_decide(fixture->book, &second), BOOK_DECIDED);
    redis_server_kill(&fixture->server);

    char path[160];
    struct stat file;
    redis_server_append_file(&fixture->server, path, sizeof path);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(truncate(path, file.st_size - 60), 0);
    redis_server_start(&fixture->server, NULL);

    struct book_lookup lookups[] = {{.record_id = first.record_id},
                                    {.record_id = second.record_id}};
    assert_int_equal(book_read(fixture->book, lookups, 2, 0, NULL), STATUS_OK);
    assert_true(lookups[0].found && lookups[0].in_outbox && lookups[0].unconfirmed);
    assert_false(lookups[1].found);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 97);
    assert_int_equal(book_fixture_stock(fixture->book, "b"), 47);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 1);
    all_is_fenced(fixture->book);
}

/* ---- Redis does not answer ---- */

static void f12_f13_a_frozen_redis_keeps_the_deadline_and_leaves_no_late_reply(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 3};
    struct book_decision decision = book_fixture_decision(&take, 1);
    redis_server_freeze(&fixture->server);
    int64_t start_ms = now_ms();
    book_decide(fixture->book, &decision, 1, start_ms + SHORT_MS);
    int64_t took_ms = now_ms() - start_ms;
    assert_int_equal(decision.outcome, BOOK_FAILED);
    assert_int_equal(decision.failure.code, STATUS_UNKNOWN);
    assert_string_equal(decision.failure.reason, "OUTCOME_UNKNOWN");
    assert_in_range(took_ms, SHORT_MS - 1, BOOK_TEST_TIMEOUT_MS - 1);

    /* A new connection to it does not get through: nothing is sent. */
    struct book_decision other = book_fixture_decision(&take, 1);
    book_decide(fixture->book, &other, 1, now_ms() + SHORT_MS);
    assert_int_equal(other.outcome, BOOK_FAILED);
    assert_int_equal(other.failure.code, STATUS_UNAVAILABLE);

    redis_server_thaw(&fixture->server);
    assert_int_equal(decide_when_back(fixture->book, &other), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(fixture->book, "c"), 0);
    /* Asking again tells what became of it. */
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_REPEATED);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 94);
}

/* More than socket and kernel take: the sending itself would wait for ever. */
static void test_sending_to_a_frozen_redis_keeps_the_deadline(void **state)
{
    struct book_fixture *fixture = *state;
    size_t size = 8 * 1024 * 1024;
    uint8_t *large = calloc(1, size);
    assert_non_null(large);
    const struct book_take take = {"a", 3};
    struct book_decision decision = book_fixture_decision(&take, 1);
    decision.event = bytes_of(large, size);
    redis_server_freeze(&fixture->server);
    int64_t start_ms = now_ms();
    book_decide(fixture->book, &decision, 1, start_ms + SENDING_MS);
    assert_in_range(now_ms() - start_ms, SENDING_MS - 1, BOOK_TEST_TIMEOUT_MS - 1);
    assert_int_equal(decision.outcome, BOOK_FAILED);
    assert_int_equal(decision.failure.code, STATUS_UNKNOWN);
    redis_server_thaw(&fixture->server);
    free(large);
}

static void test_a_deadline_that_has_passed_sends_nothing(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 3};
    struct book_decision decision = book_fixture_decision(&take, 1);
    book_decide(fixture->book, &decision, 1, now_ms() - 1);
    assert_int_equal(decision.outcome, BOOK_FAILED);
    assert_int_equal(decision.failure.code, STATUS_UNAVAILABLE);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100);
}

static void test_a_redis_that_is_gone_fails_fast_and_comes_back(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 3};
    struct book_decision decision = book_fixture_decision(&take, 1);
    redis_server_kill(&fixture->server);
    int64_t start_ms = now_ms();
    for (int i = 0; i < 1000; i++) {
        book_decide(fixture->book, &decision, 1, 0);
        assert_int_equal(decision.outcome, BOOK_FAILED);
        assert_int_equal(decision.failure.code, STATUS_UNAVAILABLE);
        assert_true(decision.failure.retry_delay_ms > 0);
    }
    assert_true(now_ms() - start_ms < 5 * BOOK_TEST_TIMEOUT_MS);
    redis_server_start(&fixture->server, NULL);
    assert_int_equal(decide_when_back(fixture->book, &decision), BOOK_FENCED);
}

static void test_a_connection_closed_while_idle_costs_nothing(void **state)
{
    struct book_fixture *fixture = *state;
    struct redis_link *killer;
    struct book *other;
    book_fixture_connect(&fixture->server, &killer, &other);
    command(killer, "CLIENT", "KILL", "TYPE", "normal");
    assert_int_equal(book_fixture_take(fixture->book, "a", 1), BOOK_DECIDED);
    book_destroy(&other);
    redis_link_destroy(&killer);
}

/* ---- Redis is full ---- */

static void f11_a_full_memory_refuses_whole_decisions(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take takes[] = {{"a", 3}, {"b", 3}};
    const struct book_take too_many = {"c", 1};
    struct book_decision before = book_fixture_decision(takes, 2);
    assert_int_equal(book_fixture_decide(fixture->book, &before), BOOK_DECIDED);
    command(fixture->link, "CONFIG", "SET", "maxmemory", "1");

    struct book_decision batch[] = {book_fixture_decision(takes, 2), before,
                                    book_fixture_decision(&too_many, 1),
                                    book_fixture_decision(takes, 2)};
    batch[3].record_id = batch[0].record_id; /* what was not written is not repeated either */
    book_decide(fixture->book, batch, 4, 0);
    assert_int_equal(batch[3].outcome, BOOK_OVERLOADED);
    assert_int_equal(batch[0].outcome, BOOK_OVERLOADED);
    assert_int_equal(batch[1].outcome, BOOK_REPEATED);
    assert_int_equal(batch[2].outcome, BOOK_OVERLOADED); /* a refusal could not be remembered */
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 97);
    assert_int_equal(book_fixture_stock(fixture->book, "b"), 47);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 1);
    const struct book_delta delta = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 5};
    struct failure failure;
    assert_int_equal(book_apply(fixture->book, &delta, 1, &failure), STATUS_UNAVAILABLE);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 97);

    command(fixture->link, "CONFIG", "SET", "maxmemory", "0");
    assert_int_equal(book_fixture_decide(fixture->book, &batch[0]), BOOK_DECIDED);
    assert_int_equal(book_apply(fixture->book, &delta, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 99);
}

#define DISK_ORDERS_MAX 20000

/* On a disk of 4 MiB: once it is full, Redis refuses writes (MISCONF) and still answers. */
static void f11_a_full_disk_refuses_whole_decisions(void **state)
{
    struct book_fixture *fixture = *state;
    static char event[1000];
    const struct book_take take = {"a", 1};
    redis_server_kill(&fixture->server);
    if (mount("none", fixture->server.directory, "tmpfs", 0, "size=4m") != 0) {
        print_message("not run: this system lets nobody mount a small disk\n");
        skip();
    }
    redis_server_start(&fixture->server, NULL);
    static const struct book_take stock[] = {{"a", DISK_ORDERS_MAX}};
    assert_int_equal(book_open_begin(fixture->book, NULL), STATUS_OK);
    assert_int_equal(book_open_load(fixture->book, stock, 1, NULL), STATUS_OK);
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH + 1, NULL), STATUS_OK);
    int decided = 0;
    enum book_outcome outcome = BOOK_DECIDED;
    while (outcome == BOOK_DECIDED && decided < DISK_ORDERS_MAX) {
        struct book_decision decision = book_fixture_decision(&take, 1);
        decision.event = bytes_of(event, sizeof event);
        outcome = decide_until_known(fixture->book, &decision);
        decided += outcome == BOOK_DECIDED;
    }
    assert_int_equal(outcome, BOOK_OVERLOADED);
    assert_in_range(decided, 500, 5000);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), DISK_ORDERS_MAX - decided);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, decided);
    redis_server_kill(&fixture->server);
    assert_int_equal(umount2(fixture->server.directory, MNT_DETACH), 0);
}

/* Emptying the outbox is what frees memory: it must go on. */
static void f11_a_full_memory_does_not_stop_the_relay(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_limits limits = BOOK_LIMITS_DEFAULT;
    limits.confirm_grace_ms = 0;
    limits.persist_grace_ms = 0;
    struct book *book = book_create(fixture->link, "s0", &limits);
    book_set_epoch(book, BOOK_TEST_EPOCH);
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_DECIDED);
    command(fixture->link, "CONFIG", "SET", "maxmemory", "1");

    struct book_claimed claimed;
    size_t count = 0;
    assert_int_equal(book_claim(book, BOOK_DUE_CONFIRM, &claimed, 1, 60000, &count, NULL),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(book_confirm(book, &decision.event_id, 1, NULL), STATUS_OK);
    count = 0;
    assert_int_equal(book_claim(book, BOOK_DUE_PERSIST, &claimed, 1, 60000, &count, NULL),
                     STATUS_OK);
    assert_int_equal(count, 1);
    const struct book_settled settled = {decision.event_id, decision.record_id};
    assert_int_equal(book_settle(book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(book).outbox, 0);
    book_destroy(&book);
}

/* ---- Redis says no ---- */

static void test_a_replica_is_not_written_to(void **state)
{
    struct book_fixture *fixture = *state;
    command(fixture->link, "REPLICAOF", "127.0.0.1", "1", NULL);
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_FAILED);
    assert_int_equal(decision.failure.code, STATUS_UNAVAILABLE);
    command(fixture->link, "REPLICAOF", "NO", "ONE", NULL);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
}

static void test_a_wrong_password_is_said_before_anything_is_sent(void **state)
{
    struct book_fixture *fixture = *state;
    command(fixture->link, "CONFIG", "SET", "requirepass", "right");
    static const char *const passwords[] = {"", ":wrong@", ":right@", "nobody:right@",
                                            "default:right@"};
    static const bool good[] = {false, false, true, false, true};
    for (size_t i = 0; i < 5; i++) {
        char url[160];
        (void)snprintf(url, sizeof url, "unix://%s%s?db=0", passwords[i], fixture->server.socket);
        const struct redis_link_options options = {.url = url,
                                                   .connect_timeout_ms = BOOK_TEST_TIMEOUT_MS,
                                                   .command_timeout_ms = BOOK_TEST_TIMEOUT_MS,
                                                   .clock = clock_system()};
        struct redis_link *link;
        struct failure failure;
        const struct redis_reply *reply;
        assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
        redis_link_add_text(link, "DBSIZE", NULL);
        assert_int_equal(redis_link_exchange(link, 0, &reply, &failure),
                         good[i] ? STATUS_OK : STATUS_UNAVAILABLE);
        assert_true(good[i] || strstr(failure.message, "right") == NULL);
        redis_link_destroy(&link);
    }
}

static void test_another_database_is_another_world(void **state)
{
    struct book_fixture *fixture = *state;
    char url[160];
    (void)snprintf(url, sizeof url, "%s?db=3", fixture->server.url);
    const struct redis_link_options options = {.url = url,
                                               .connect_timeout_ms = BOOK_TEST_TIMEOUT_MS,
                                               .command_timeout_ms = BOOK_TEST_TIMEOUT_MS,
                                               .clock = clock_system()};
    struct redis_link *link;
    assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
    assert_int_equal(book_fixture_command(link, "DBSIZE", NULL, NULL), 0);
    assert_true(book_fixture_command(fixture->link, "DBSIZE", NULL, NULL) > 0);
    redis_link_destroy(&link);
}

/* A hand that meddles: what the script meets is not what it expects. */
static void test_a_key_of_another_type_is_not_called_done_or_not_done(void **state)
{
    struct book_fixture *fixture = *state;
    command(fixture->link, "SET", "{s0}:outbox", "text", NULL);
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_FAILED);
    assert_int_equal(decision.failure.code, STATUS_UNKNOWN);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_fixture_setup, book_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_restart_fences_and_keeps_what_was_decided),
        TEST(test_a_flushed_redis_is_fenced),
        TEST(test_flushed_scripts_fence),
        TEST(f06_a_torn_file_keeps_counter_record_and_outbox_together),
        TEST(f12_f13_a_frozen_redis_keeps_the_deadline_and_leaves_no_late_reply),
        TEST(test_sending_to_a_frozen_redis_keeps_the_deadline),
        TEST(test_a_deadline_that_has_passed_sends_nothing),
        TEST(test_a_redis_that_is_gone_fails_fast_and_comes_back),
        TEST(test_a_connection_closed_while_idle_costs_nothing),
        TEST(f11_a_full_memory_refuses_whole_decisions),
        TEST(f11_a_full_disk_refuses_whole_decisions),
        TEST(f11_a_full_memory_does_not_stop_the_relay),
        TEST(test_a_replica_is_not_written_to),
        TEST(test_a_wrong_password_is_said_before_anything_is_sent),
        TEST(test_another_database_is_another_world),
        TEST(test_a_key_of_another_type_is_not_called_done_or_not_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
