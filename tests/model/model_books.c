/* Model books: every order, every row of stock and the ledger in PostgreSQL, beside the model's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/model_run.h"

static void compare_orders(struct model_run *run);
static void compare_stock(struct model_run *run);
static void compare_ledger(struct model_run *run);

void model_books_compare(struct model_run *run)
{
    compare_orders(run);
    compare_stock(run);
    compare_ledger(run);
}

/* ---- orders ---- */

struct own_order {
    const struct model_caller *caller;
    const struct model_order *order;
};

static int by_id(const void *left, const void *right)
{
    return strcmp(((const struct own_order *)left)->order->id,
                  ((const struct own_order *)right)->order->id);
}

static struct own_order *sort_orders(const struct model_run *run, size_t *count_out)
{
    size_t count = 0;
    for (int i = 0; i < MODEL_CALLERS; i++) {
        count += run->callers[i].order_count;
    }
    struct own_order *sorted = malloc((count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        abort();
    }
    *count_out = 0;
    for (int i = 0; i < MODEL_CALLERS; i++) {
        for (size_t at = 0; at < run->callers[i].order_count; at++) {
            sorted[(*count_out)++] =
                (struct own_order){&run->callers[i], &run->callers[i].orders[at]};
        }
    }
    qsort(sorted, count, sizeof *sorted, by_id);
    return sorted;
}

/* As the query below prints it. */
static void print_order(const struct own_order *own, char *out, size_t room)
{
    char customer[MODEL_ID_BYTES];
    const struct model_order *order = own->order;
    model_caller_customer(own->caller, order->customer, customer);
    int size = snprintf(out, room, "%s,%s,%d,%d,%d,", order->id, customer, (int)order->state,
                        order->version, order->version);
    for (int i = 0; i < order->line_count; i++) {
        const struct model_line *line = &order->lines[i];
        size += snprintf(out + size, room - (size_t)size, "%s%s:%d:%d:%d", i > 0 ? ";" : "",
                         own->caller->run->products[line->product].id, line->quantity,
                         line->fulfilled, line->cancelled);
    }
}

static char *query_orders(struct model_run *run)
{
    char sql[768];
    (void)snprintf(
        sql, sizeof sql,
        "SELECT o.order_id, o.customer_id, o.state, o.version, (SELECT count(*) FROM order_events "
        "e "
        "WHERE e.order_id = o.order_id AND e.outcome = 1), (SELECT string_agg(concat_ws(':', "
        "product_id, quantity, fulfilled_quantity, cancelled_quantity), ';' ORDER BY line_number) "
        "FROM order_lines l WHERE l.order_id = o.order_id) FROM orders o "
        "WHERE o.customer_id LIKE '%s-%%' ORDER BY o.order_id::text COLLATE \"C\"",
        run->name);
    return database_rows(&run->system->database, sql);
}

static void compare_orders(struct model_run *run)
{
    size_t count, at = 0;
    struct own_order *sorted = sort_orders(run, &count);
    char *rows = query_orders(run), *rest = NULL;
    for (char *row = strtok_r(rows, "\n", &rest); row != NULL; row = strtok_r(NULL, "\n", &rest)) {
        char expected[512] = "";
        while (at < count && strncmp(sorted[at].order->id, row, 36) < 0) {
            model_problem(run, "order %s is not in PostgreSQL", sorted[at++].order->id);
        }
        if (at == count || strncmp(sorted[at].order->id, row, 36) != 0) {
            model_problem(run, "nobody knows the order %s", row);
            continue;
        }
        print_order(&sorted[at++], expected, sizeof expected);
        if (strcmp(expected, row) != 0) {
            model_problem(run, "order %s, PostgreSQL has %s", expected, row);
        }
    }
    for (; at < count; at++) {
        model_problem(run, "order %s is not in PostgreSQL", sorted[at].order->id);
    }
    free(rows);
    free(sorted);
}

/* ---- stock ---- */

static void compare_stock(struct model_run *run)
{
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        struct model_product *product = &run->products[i];
        char sql[160], expected[64];
        (void)snprintf(sql, sizeof sql,
                       "SELECT on_hand, reserved FROM stock WHERE product_id = '%s'", product->id);
        (void)snprintf(expected, sizeof expected, "%lld,%lld",
                       (long long)atomic_load(&product->on_hand),
                       (long long)model_run_reserved(run, i));
        char *rows = database_rows(&run->system->database, sql);
        rows[strcspn(rows, "\n")] = '\0';
        if (strcmp(rows, expected) != 0) {
            model_problem(run, "%s: on_hand and reserved are %s, PostgreSQL has %s", product->id,
                          expected, rows);
        }
        free(rows);
    }
}

/* The movements make the stock what it is, and each begins where the one before it ended. */
static void compare_ledger(struct model_run *run)
{
    char sql[1536];
    (void)snprintf(
        sql, sizeof sql,
        "WITH m AS (SELECT product_id, delta_on_hand, delta_reserved, on_hand_before, "
        "on_hand_after, "
        "reserved_before, reserved_after, lag(on_hand_after, 1, 0::bigint) OVER w AS on_hand_last, "
        "lag(reserved_after, 1, 0::bigint) OVER w AS reserved_last, row_number() OVER w AS nth, "
        "count(*) OVER (PARTITION BY product_id) AS of FROM stock_movements "
        "WHERE product_id LIKE '%s-%%' "
        "WINDOW w AS (PARTITION BY product_id ORDER BY event_time, event_id, line_number)) "
        "SELECT (SELECT count(*) FROM m WHERE on_hand_before <> on_hand_last OR reserved_before <> "
        "reserved_last OR on_hand_after <> on_hand_before + delta_on_hand OR reserved_after <> "
        "reserved_before + delta_reserved) + (SELECT count(*) FROM stock s LEFT JOIN m ON "
        "m.product_id = s.product_id AND m.nth = m.of WHERE s.product_id LIKE '%s-%%' AND "
        "(m.on_hand_after IS DISTINCT FROM s.on_hand OR m.reserved_after IS DISTINCT FROM "
        "s.reserved))",
        run->name, run->name);
    int64_t wrong = database_int(&run->system->database, sql);
    if (wrong != 0) {
        model_problem(run, "%lld movements or products do not add up", (long long)wrong);
    }
}
