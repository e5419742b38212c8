/* See books.h. */
#include "tests/support/books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE_BYTES 256

/* Each counts what should not be there. */
static const struct {
    const char *what, *sql;
} RULES[] = {
    {"stock changes that Redis has not been told", "SELECT count(*) FROM stock_deltas"},
    {"orders without lines", "SELECT count(*) FROM orders o WHERE NOT EXISTS "
                             "(SELECT FROM order_lines l WHERE l.order_id = o.order_id)"},
    {"lines without an order", "SELECT count(*) FROM order_lines l WHERE NOT EXISTS "
                               "(SELECT FROM orders o WHERE o.order_id = l.order_id)"},
    {"orders without an event", "SELECT count(*) FROM orders o WHERE NOT EXISTS "
                                "(SELECT FROM order_events e WHERE e.order_id = o.order_id)"},
    {"orders that the last guard rejected", "SELECT count(*) FROM orders WHERE state = 7"},
    {"products whose reserved units are not the sum of the open lines",
     "SELECT count(*) FROM stock s LEFT JOIN (SELECT product_id, sum(quantity - "
     "fulfilled_quantity - cancelled_quantity) AS q FROM order_lines JOIN orders o "
     "USING (order_id) WHERE o.state IN (1, 2, 3) GROUP BY product_id) l "
     "USING (product_id) WHERE s.reserved <> coalesce(l.q, 0)"},
    {"products with more reserved than on hand",
     "SELECT count(*) FROM stock WHERE reserved > on_hand"},
};

static void compare_with_redis(struct system *system, void (*report)(void *, const char *),
                               void *data);

void books_check(struct system *system, void (*report)(void *data, const char *text), void *data)
{
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        int64_t count = database_int(&system->database, RULES[i].sql);
        if (count != 0) {
            char text[SENTENCE_BYTES];
            (void)snprintf(text, sizeof text, "%lld %s", (long long)count, RULES[i].what);
            report(data, text);
        }
    }
    compare_with_redis(system, report, data);
}

static void compare_with_redis(struct system *system, void (*report)(void *, const char *),
                               void *data)
{
    char *rows = database_rows(&system->database,
                               "SELECT product_id, on_hand - reserved - safety_stock FROM stock "
                               "ORDER BY product_id");
    char *rest = NULL;
    for (char *row = strtok_r(rows, "\n", &rest); row != NULL; row = strtok_r(NULL, "\n", &rest)) {
        char *comma = strchr(row, ',');
        *comma = '\0';
        int64_t expected = strtoll(comma + 1, NULL, 10);
        int64_t available = system_available(system, row);
        if (available != expected) {
            char text[SENTENCE_BYTES];
            (void)snprintf(text, sizeof text, "%s: Redis has %lld, PostgreSQL %lld", row,
                           (long long)available, (long long)expected);
            report(data, text);
        }
    }
    free(rows);
}
