/* Book fixture: a private Redis, a link and a book opened with some stock, and decisions with few
 * words. Used by the test_book*.c. */
#pragma once

#include "redis/book.h"
#include "redis/redis_link.h"
#include "tests/support/redis_server.h"

#define BOOK_TEST_EPOCH      7
#define BOOK_TEST_TIMEOUT_MS 2000

struct book_fixture {
    struct redis_server server;
    struct redis_link *link;
    struct book *book;
};

/* For cmocka: *state becomes the fixture, with products a = 100, b = 50, c = 0 in stock. */
int book_fixture_setup(void **state);
int book_fixture_teardown(void **state);

/* Another link and book to the same Redis, bound to the same epoch. */
void book_fixture_connect(const struct redis_server *server, struct redis_link **link_out,
                          struct book **book_out);
/* Loads a = 100, b = 50, c = 0 for the epoch and opens it. */
void book_fixture_open(struct book *book, int64_t epoch);

/* A decision with ids of its own; its texts are static. */
struct book_decision book_fixture_decision(const struct book_take *takes, size_t count);
/* Decides one and returns how it came out. */
enum book_outcome book_fixture_decide(struct book *book, struct book_decision *decision);
/* Takes `quantity` of one product, with fresh ids. */
enum book_outcome book_fixture_take(struct book *book, const char *product_id, int64_t quantity);
int64_t book_fixture_stock(struct book *book, const char *product_id);
struct book_gauges book_fixture_gauges(struct book *book);
/* A command's integer reply; -1 for nil. Fails on errors. */
int64_t book_fixture_command(struct redis_link *link, const char *verb, const char *key,
                             const char *field);
