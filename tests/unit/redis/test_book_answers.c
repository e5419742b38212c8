/* What the book makes of answers that a healthy Redis does not give. */
#include <stdlib.h>
#include <string.h>

#include "redis/book.h"
#include "redis/redis_link.h"
#include "tests/cmocka_all.h"
#include "tests/unit/redis/fake_redis.h"

struct talk {
    struct fake_redis fake;
    struct redis_link *link;
    struct book *book;
};

static void start(struct talk *talk, const char *script)
{
    fake_redis_start(&talk->fake, script, true);
    const struct redis_link_options options = {.url = talk->fake.url,
                                               .connect_timeout_ms = 1000,
                                               .command_timeout_ms = 1000,
                                               .clock = clock_system()};
    assert_int_equal(redis_link_create(&options, &talk->link, NULL), STATUS_OK);
    talk->book = book_create(talk->link, "s0", &BOOK_LIMITS_DEFAULT);
    assert_non_null(talk->book);
    book_set_epoch(talk->book, 1);
}

static void finish(struct talk *talk)
{
    book_destroy(&talk->book);
    redis_link_destroy(&talk->link);
    fake_redis_stop(&talk->fake);
}

static struct book_decision decide(const char *script)
{
    static const struct book_take takes[] = {{"a", 1}, {"b", 2}};
    struct book_decision decision = {.takes = takes, .take_count = 2};
    struct talk talk;
    start(&talk, script);
    book_decide(talk.book, &decision, 1, 0);
    finish(&talk);
    return decision;
}

static void test_refusals_that_executed_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum book_outcome outcome;
    } cases[] = {
        {"-NOSCRIPT No matching script.\r\n", BOOK_FENCED},
        {"$6\r\nFENCED\r\n", BOOK_FENCED},
        {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", BOOK_OVERLOADED},
        {"-MISCONF Errors writing to the AOF file.\r\n", BOOK_OVERLOADED},
        {"*1\r\n$10\r\nOVERLOADED\r\n", BOOK_OVERLOADED},
        {"-LOADING Redis is loading the dataset in memory\r\n", BOOK_FAILED},
        {"-READONLY You can't write against a read only replica.\r\n", BOOK_FAILED},
        {"-BUSY Redis is busy running a script.\r\n", BOOK_FAILED},
        {"-CLUSTERDOWN The cluster is down\r\n", BOOK_FAILED},
        {"-MASTERDOWN Link with MASTER is down\r\n", BOOK_FAILED},
        {"-NOREPLICAS Not enough good replicas to write.\r\n", BOOK_FAILED},
        {"-MOVED 1 127.0.0.1:7001\r\n", BOOK_FAILED},
        {"-NOAUTH Authentication required.\r\n", BOOK_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct book_decision decision = decide(cases[i].answer);
        assert_int_equal(decision.outcome, cases[i].outcome);
        if (decision.outcome == BOOK_FAILED) {
            assert_int_equal(decision.failure.code, STATUS_UNAVAILABLE);
            assert_string_equal(decision.failure.reason, "STORE_UNAVAILABLE");
            assert_null(strstr(decision.failure.message, "127.0.0.1"));
        }
    }
}

/* Nobody knows how far the script came. */
static void test_answers_that_nobody_expects_are_unknown(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "-ERR value is not an integer or out of range script: secret\r\n",
        "-WRONGTYPE Operation against a key\r\n",
        "-NOPERM no permissions\r\n",
        "-\r\n",
        "+OK\r\n",
        ":1\r\n",
        "$-1\r\n",
        "*0\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n$7\r\nUNHEARD\r\n",
        "*1\r\n$6\r\nFENCED\r\n",
        "*2\r\n$7\r\nDECIDED\r\n$7\r\nDECIDED\r\n",
        "*1\r\n-ERR in the middle\r\n",
        "*1\r\n*2\r\n$7\r\nDECIDED\r\n:1\r\n",
        "*1\r\n*3\r\n$12\r\nOUT_OF_STOCK\r\n:0\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n$12\r\nOUT_OF_STOCK\r\n:3\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n$12\r\nOUT_OF_STOCK\r\n$1\r\n1\r\n$1\r\n1\r\n",
        "*1\r\n*2\r\n$13\r\nSTOCK_UNKNOWN\r\n:-1\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct book_decision decision = decide(answers[i]);
        assert_int_equal(decision.outcome, BOOK_FAILED);
        assert_int_equal(decision.failure.code, STATUS_UNKNOWN);
        assert_null(strstr(decision.failure.message, "secret"));
    }
}

static void test_a_record_of_another_format_is_left_alone(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "*1\r\n*2\r\n$8\r\nREPEATED\r\n$-1\r\n",
        "*1\r\n*2\r\n$8\r\nREPEATED\r\n$5\r\nshort\r\n",
        "*1\r\n*2\r\n$8\r\nREPEATED\r\n$40\r\n\x02\x01"
        "00000000000000000000000000000000000000\r\n",
        "*1\r\n*2\r\n$8\r\nREPEATED\r\n$40\r\n\x01\x09"
        "00000000000000000000000000000000000000\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct book_decision decision = decide(answers[i]);
        assert_int_equal(decision.outcome, BOOK_FAILED);
        assert_int_equal(decision.failure.code, STATUS_UNAVAILABLE);
    }
    struct book_decision decision = decide("*1\r\n*2\r\n$8\r\nREPEATED\r\n$41\r\n\x01\x02"
                                           "00ABCDhhhhhhhhhhhhhhhheeeeeeeeeeeeeeee!\r\n");
    assert_int_equal(decision.outcome, BOOK_REPEATED);
    assert_int_equal(decision.prior.kind, BOOK_REFUSED);
    assert_int_equal(decision.prior.version, 0x41424344);
    assert_memory_equal(decision.prior.request_hash, "hhhhhhhhhhhhhhhh", 16);
    assert_memory_equal(decision.prior.event_id.bytes, "eeeeeeeeeeeeeeee", 16);
    assert_int_equal(decision.prior.payload.size, 1);
}

/* One decision more than a run takes: two runs, and the answer to one. */
static void test_a_lost_connection_leaves_all_of_a_batch_unknown(void **state)
{
    (void)state;
    static const struct book_take take = {"a", 1};
    static struct book_decision decisions[65];
    char answers[65 * 16] = "*64\r\n";
    for (size_t i = 0; i < 65; i++) {
        decisions[i] = (struct book_decision){.takes = &take, .take_count = 1};
        if (i < 64) {
            (void)strncat(answers, "$7\r\nDECIDED\r\n", sizeof answers - strlen(answers) - 1);
        }
    }
    struct talk talk;
    start(&talk, answers);
    book_decide(talk.book, decisions, 65, 0);
    for (size_t i = 0; i < 65; i++) {
        assert_int_equal(decisions[i].outcome, BOOK_FAILED);
        assert_int_equal(decisions[i].failure.code, STATUS_UNKNOWN);
    }
    finish(&talk);
    start(&talk, answers);
    book_decide(talk.book, decisions, 64, 0);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(decisions[i].outcome, BOOK_DECIDED);
    }
    book_decide(talk.book, decisions, 0, 0);
    finish(&talk);
}

static void test_reads_that_make_no_sense_fail(void **state)
{
    (void)state;
    static const char *const answers[] = {"*0\r\n", ":1\r\n", "$-1\r\n", "-ERR no\r\n",
                                          "*1\r\n:1\r\n"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct talk talk;
        const char *ids[] = {"a", "b"};
        int64_t available[2];
        start(&talk, answers[i]);
        assert_int_equal(book_read_stock(talk.book, ids, 2, available, 0, NULL), STATUS_INTERNAL);
        finish(&talk);

        struct book_lookup lookups[2] = {0};
        start(&talk, answers[i]);
        assert_int_equal(book_read(talk.book, lookups, 2, 0, NULL), STATUS_INTERNAL);
        finish(&talk);
    }
}

static void test_claims_that_make_no_sense_fail(void **state)
{
    (void)state;
    static const char *const answers[] = {
        ":1\r\n",
        "*1\r\n$16\r\n0123456789abcdef\r\n",
        "*2\r\n$15\r\n0123456789abcde\r\n$1\r\nx\r\n",
        "*4\r\n$16\r\n0123456789abcdef\r\n$1\r\nx\r\n$16\r\n0123456789abcdef\r\n$1\r\nx\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct talk talk;
        struct book_claimed claimed;
        size_t count = 77;
        start(&talk, answers[i]);
        assert_int_equal(book_claim(talk.book, BOOK_DUE_CONFIRM, &claimed, 1, 1, &count, NULL),
                         STATUS_INTERNAL);
        assert_int_equal(count, 77);
        finish(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_that_executed_nothing),
        cmocka_unit_test(test_answers_that_nobody_expects_are_unknown),
        cmocka_unit_test(test_a_record_of_another_format_is_left_alone),
        cmocka_unit_test(test_a_lost_connection_leaves_all_of_a_batch_unknown),
        cmocka_unit_test(test_reads_that_make_no_sense_fail),
        cmocka_unit_test(test_claims_that_make_no_sense_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
