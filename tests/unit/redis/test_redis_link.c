/* The link against a Redis that says what a test wants, right and wrong. */
#include <stdio.h>
#include <string.h>

#include "redis/redis_link.h"
#include "tests/cmocka_all.h"
#include "tests/unit/redis/fake_redis.h"

#define SHORT_MS 400 /* a busy machine connects in less */

struct conversation {
    struct fake_redis fake;
    struct redis_link *link;
    const struct redis_reply *replies;
    struct failure failure;
};

static struct redis_link *make_link(const char *url)
{
    const struct redis_link_options options = {.url = url,
                                               .connect_timeout_ms = 1000,
                                               .command_timeout_ms = 1000,
                                               .clock = clock_system()};
    struct redis_link *link;
    assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
    return link;
}

static void start(struct conversation *conversation, const char *script, bool closes)
{
    *conversation = (struct conversation){0};
    fake_redis_start(&conversation->fake, script, closes);
    conversation->link = make_link(conversation->fake.url);
}

static void finish(struct conversation *conversation)
{
    redis_link_destroy(&conversation->link);
    assert_null(conversation->link);
    fake_redis_stop(&conversation->fake);
}

static enum status exchange(struct conversation *conversation, size_t commands)
{
    for (size_t i = 0; i < commands; i++) {
        redis_link_add_text(conversation->link, "GET", "key", NULL);
    }
    return redis_link_exchange(conversation->link, clock_monotonic_ms(clock_system()) + SHORT_MS,
                               &conversation->replies, &conversation->failure);
}

static void test_every_kind_of_reply(void **state)
{
    (void)state;
    struct conversation talk;
    start(&talk,
          "+OK\r\n:-42\r\n$5\r\na\r\nb\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
          "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n*1\r\n:2\r\n$-1\r\n-ERR no\r\n*1\r\n-WRONGTYPE\r\n",
          false);
    assert_int_equal(exchange(&talk, 10), STATUS_OK);
    const struct redis_reply *replies = talk.replies;
    assert_int_equal(replies[0].type, REDIS_TEXT);
    assert_string_equal((const char *)replies[0].text.data, "OK");
    assert_int_equal(replies[1].type, REDIS_INTEGER);
    assert_int_equal(replies[1].integer, -42);
    assert_true(bytes_equal(replies[2].text, bytes_of("a\r\nb\n", 5)));
    assert_int_equal(replies[3].type, REDIS_TEXT);
    assert_int_equal(replies[3].text.size, 0);
    assert_int_equal(replies[4].type, REDIS_NIL);
    assert_int_equal(replies[5].type, REDIS_NIL);
    assert_int_equal(replies[6].type, REDIS_ARRAY);
    assert_int_equal(replies[6].count, 0);
    const struct redis_reply *outer = replies[7].elements;
    assert_int_equal(replies[7].count, 3);
    assert_int_equal(outer[0].integer, 1);
    assert_string_equal((const char *)outer[1].elements[0].text.data, "x");
    assert_int_equal(outer[1].elements[1].elements[0].integer, 2);
    assert_int_equal(outer[2].type, REDIS_NIL);
    assert_true(redis_reply_is_error(&replies[8], "ERR"));
    assert_false(redis_reply_is_error(&replies[8], "ER"));
    assert_false(redis_reply_is_error(&replies[0], "OK"));
    assert_true(redis_reply_is_error(&replies[9].elements[0], "WRONGTYPE"));
    finish(&talk);
}

/* Each of them is dropped, and the next exchange has a connection of its own. */
static void test_what_breaks_off_or_makes_no_sense_is_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        bool closes;
    } cases[] = {
        {"", true},                         /* closed instead of an answer */
        {"+OK\r\n", true},                  /* one answer of two */
        {"+OK\r\n$100\r\nhalf", true},      /* in the middle of one */
        {"+OK\r\n*2\r\n:1\r\n", false},     /* which never ends */
        {"", false},                        /* nothing at all */
        {"hello\r\n+OK\r\n", false},        /* not a protocol */
        {"+OK\r\n:12x\r\n", false},         /* not a number */
        {"+OK\r\n$-7\r\n", false},          /* not a length */
        {"+OK\r\n+OK\r\n+more\r\n", false}, /* more than was asked */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct conversation talk;
        start(&talk, cases[i].script, cases[i].closes);
        int64_t start_ms = clock_monotonic_ms(clock_system());
        assert_int_equal(exchange(&talk, 2), STATUS_UNKNOWN);
        assert_string_equal(talk.failure.reason, "OUTCOME_UNKNOWN");
        assert_true(clock_monotonic_ms(clock_system()) - start_ms < 20 * SHORT_MS);
        (void)exchange(&talk, 2);
        finish(&talk);
        assert_int_equal(talk.fake.connections, 2);
    }
}

/* It would be taken for the answer to the next command. */
static void test_what_comes_uncalled_between_exchanges_ends_the_connection(void **state)
{
    (void)state;
    struct conversation talk;
    start(&talk, "+one\r\n", false);
    assert_int_equal(exchange(&talk, 1), STATUS_OK);
    finish(&talk);
    start(&talk, "+one\r\n+late\r\n", false);
    enum status status = exchange(&talk, 1);
    assert_int_equal(status, STATUS_UNKNOWN); /* both came at once */
    finish(&talk);
}

static void test_a_handshake_that_is_refused_sends_nothing_more(void **state)
{
    (void)state;
    struct conversation talk;
    start(&talk, "-WRONGPASS invalid\r\n+PONG\r\n", false);
    redis_link_destroy(&talk.link);
    char url[160];
    (void)snprintf(url, sizeof url, "unix://:secret@%s", talk.fake.socket);
    talk.link = make_link(url);
    assert_int_equal(exchange(&talk, 1), STATUS_UNAVAILABLE);
    assert_string_equal(talk.failure.reason, "STORE_UNAVAILABLE");
    assert_null(strstr(talk.failure.message, "secret"));
    assert_int_equal(exchange(&talk, 1), STATUS_UNAVAILABLE); /* fast: the backoff */
    assert_true(talk.failure.retry_delay_ms > 0);
    finish(&talk);
    assert_int_equal(talk.fake.connections, 1);
    assert_int_equal(talk.fake.bytes,
                     strlen("*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*1\r\n$4\r\nPING\r\n"));
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct redis_link *link = make_link("unix:///nowhere/redis.sock");
    const struct redis_reply *replies;
    struct failure failure;
    redis_link_add_text(link, "PING", NULL);
    assert_int_equal(redis_link_exchange(link, 0, &replies, &failure), STATUS_UNAVAILABLE);
    assert_null(strstr(failure.message, "nowhere"));
    assert_int_equal(redis_link_exchange(link, 0, &replies, NULL), STATUS_UNAVAILABLE);
    redis_link_destroy(&link);
    redis_link_destroy(&link); /* nothing left */
}

static void test_an_exchange_of_nothing(void **state)
{
    (void)state;
    struct conversation talk;
    start(&talk, "+OK\r\n", false);
    assert_int_equal(exchange(&talk, 0), STATUS_OK);
    assert_int_equal(exchange(&talk, 1), STATUS_OK);
    finish(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_reply),
        cmocka_unit_test(test_what_breaks_off_or_makes_no_sense_is_unknown),
        cmocka_unit_test(test_what_comes_uncalled_between_exchanges_ends_the_connection),
        cmocka_unit_test(test_a_handshake_that_is_refused_sends_nothing_more),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_an_exchange_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
