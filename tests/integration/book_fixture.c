/* See book_fixture.h. */
#include "tests/integration/book_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"

int book_fixture_setup(void **state)
{
    struct book_fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    redis_server_create(&fixture->server);
    book_fixture_connect(&fixture->server, &fixture->link, &fixture->book);
    book_fixture_open(fixture->book, BOOK_TEST_EPOCH);
    *state = fixture;
    return 0;
}

int book_fixture_teardown(void **state)
{
    struct book_fixture *fixture = *state;
    book_destroy(&fixture->book);
    redis_link_destroy(&fixture->link);
    redis_server_destroy(&fixture->server);
    free(fixture);
    return 0;
}

void book_fixture_connect(const struct redis_server *server, struct redis_link **link_out,
                          struct book **book_out)
{
    const struct redis_link_options options = {.url = server->url,
                                               .connect_timeout_ms = BOOK_TEST_TIMEOUT_MS,
                                               .command_timeout_ms = BOOK_TEST_TIMEOUT_MS,
                                               .clock = clock_system()};
    assert_int_equal(redis_link_create(&options, link_out, NULL), STATUS_OK);
    *book_out = book_create(*link_out, "s0", &BOOK_LIMITS_DEFAULT);
    assert_non_null(*book_out);
    book_set_epoch(*book_out, BOOK_TEST_EPOCH);
}

void book_fixture_open(struct book *book, int64_t epoch)
{
    static const struct book_take stock[] = {{"a", 100}, {"b", 50}, {"c", 0}};
    assert_int_equal(book_open_begin(book, NULL), STATUS_OK);
    assert_int_equal(book_open_load(book, stock, 3, NULL), STATUS_OK);
    assert_int_equal(book_open_end(book, epoch, NULL), STATUS_OK);
}

struct book_decision book_fixture_decision(const struct book_take *takes, size_t count)
{
    return (struct book_decision){
        .record_id = uuid_v7(clock_system()),
        .request_hash = "request hash 16",
        .takes = takes,
        .take_count = count,
        .event_id = uuid_v7(clock_system()),
        .event = bytes_of_text("an event"),
        .record = bytes_of_text("an order"),
    };
}

enum book_outcome book_fixture_decide(struct book *book, struct book_decision *decision)
{
    book_decide(book, decision, 1, 0);
    return decision->outcome;
}

enum book_outcome book_fixture_take(struct book *book, const char *product_id, int64_t quantity)
{
    const struct book_take take = {product_id, quantity};
    struct book_decision decision = book_fixture_decision(&take, 1);
    return book_fixture_decide(book, &decision);
}

int64_t book_fixture_stock(struct book *book, const char *product_id)
{
    int64_t available = -2;
    assert_int_equal(book_read_stock(book, &product_id, 1, &available, 0, NULL), STATUS_OK);
    return available;
}

struct book_gauges book_fixture_gauges(struct book *book)
{
    struct book_gauges gauges;
    assert_int_equal(book_gauges(book, &gauges, NULL), STATUS_OK);
    return gauges;
}

int64_t book_fixture_command(struct redis_link *link, const char *verb, const char *key,
                             const char *field)
{
    const struct redis_reply *reply;
    redis_link_add_text(link, verb, key, field, NULL);
    assert_int_equal(redis_link_exchange(link, 0, &reply, NULL), STATUS_OK);
    assert_int_not_equal(reply->type, REDIS_ERROR);
    if (reply->type == REDIS_TEXT) {
        return strtoll((const char *)reply->text.data, NULL, 10);
    }
    return reply->type == REDIS_INTEGER ? reply->integer : -1;
}
