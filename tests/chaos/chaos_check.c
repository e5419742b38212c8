/* See chaos_check.h. */
#include "tests/chaos/chaos_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shop/order.h"
#include "tests/cmocka_all.h"
#include "tests/support/books.h"

#define STATE_OF_ADJUSTMENT "2"

/* What PostgreSQL has under one request id: "order_ref,order_id,state,product:quantity ..." */
struct row {
    const char *request_id, *made_id, *state, *content;
    bool asked_for;
};

struct table {
    char *text;
    struct row *rows;
    size_t count;
};

static void read_table(struct database *database, const char *sql, struct table *table_out);
static void check_request(struct table *table, const struct chaos_request *request);
static void check_row(const struct row *row, const struct chaos_request *request);
static void check_strangers(const struct table *table, const char *what);
static void check_audits(struct system *system);
static void report(void *data, const char *text);

static const char ORDERS_SQL[] =
    "SELECT o.order_ref, o.order_id, o.state, "
    "string_agg(l.product_id || ':' || l.quantity, ' ' ORDER BY l.line_number) "
    "FROM orders o LEFT JOIN order_lines l USING (order_id) GROUP BY o.order_id "
    "ORDER BY o.order_ref COLLATE \"C\"";
static const char ADJUSTMENTS_SQL[] =
    "SELECT reference, entry_id, " STATE_OF_ADJUSTMENT ", product_id || ':' || delta_on_hand "
    "FROM stock_ledger WHERE reason = 'chaos' ORDER BY reference COLLATE \"C\"";
/* With what became of their orders: reason,routing key,order_id,"version:kind:from>to:outcome ..."
 */
static const char LETTERS_SQL[] =
    "SELECT d.reason, d.routing_key, e.order_id, string_agg(format('%s:%s:%s>%s:%s', e.version, "
    "e.kind, e.from_state, e.to_state, e.outcome), ' ' ORDER BY e.version) "
    "FROM dead_letters d LEFT JOIN order_events e "
    "ON position(convert_to(e.order_id::text, 'UTF8') IN d.body) > 0 "
    "GROUP BY d.dead_letter_id, e.order_id LIMIT 5";
/* on_hand is what there was and every adjustment since. */
static const char ON_HAND_SQL[] =
    "SELECT count(*) FROM stock s WHERE on_hand <> %d + coalesce((SELECT sum(delta_on_hand) FROM "
    "stock_ledger l WHERE l.product_id = s.product_id AND l.reason = 'chaos'), 0) - "
    "coalesce((SELECT sum(fulfilled_quantity) FROM order_lines o WHERE o.product_id = "
    "s.product_id), 0)";
/* A verb is done once. */
static const char TWICE_SQL[] =
    "SELECT count(*) FROM (SELECT order_id, kind FROM order_events WHERE outcome = 1 "
    "GROUP BY order_id, kind HAVING count(*) > 1) AS twice";

void chaos_check(struct system *system, const struct chaos_history *const *histories, size_t count,
                 struct chaos_counts *counts_out)
{
    struct table orders;
    struct table adjustments;
    struct chaos_counts counts = {0};
    char sql[512];
    books_check(system, report, NULL);
    check_audits(system);
    if (database_int(&system->database, "SELECT count(*) FROM dead_letters") != 0) {
        char *rows = database_rows(&system->database, LETTERS_SQL);
        chaos_violation("dead letters: %s", rows);
        free(rows);
    }
    (void)snprintf(sql, sizeof sql, ON_HAND_SQL, CHAOS_ON_HAND);
    if (database_int(&system->database, sql) != 0) {
        chaos_violation("on_hand is not what the ledger says");
    }
    if (database_int(&system->database, TWICE_SQL) != 0) {
        chaos_violation("something was done to an order twice");
    }
    read_table(&system->database, ORDERS_SQL, &orders);
    read_table(&system->database, ADJUSTMENTS_SQL, &adjustments);
    counts.orders = (int64_t)orders.count;
    counts.adjustments = (int64_t)adjustments.count;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < histories[i]->count; j++) {
            const struct chaos_request *request = &histories[i]->requests[j];
            counts.accepted += request->accepted;
            counts.refused += request->refused_ms != 0;
            if (!chaos_is_verb(request->kind)) {
                check_request(request->kind == CHAOS_CREATE ? &orders : &adjustments, request);
            }
        }
    }
    check_strangers(&orders, "order");
    check_strangers(&adjustments, "adjustment");
    free(orders.rows);
    free(orders.text);
    free(adjustments.rows);
    free(adjustments.text);
    *counts_out = counts;
}

/* The audit heals what it finds; that there was something to find is what must not be. */
static void check_audits(struct system *system)
{
    for (size_t i = 0; i < SYSTEM_SERVERS_MAX; i++) {
        char *log = read_whole(system->servers[i].log_path);
        if (strstr(log, "audit: too many units in Redis") != NULL) {
            chaos_violation("server %zu has found too many units in Redis", i);
        }
        free(log);
    }
}

static void report(void *data, const char *text)
{
    (void)data;
    chaos_violation("%s", text);
}

static void read_table(struct database *database, const char *sql, struct table *table_out)
{
    struct table table = {.text = database_rows(database, sql)};
    char *rest = NULL;
    size_t lines = 1;
    for (const char *at = table.text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    table.rows = calloc(lines, sizeof table.rows[0]);
    assert_non_null(table.rows);
    for (char *line = strtok_r(table.text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct row *row = &table.rows[table.count++];
        char *part = NULL;
        row->request_id = strtok_r(line, ",", &part);
        row->made_id = strtok_r(NULL, ",", &part);
        row->state = strtok_r(NULL, ",", &part);
        row->content = part != NULL ? part : "";
        if (table.count > 1 && strcmp(row[-1].request_id, row->request_id) == 0) {
            chaos_violation("request %s made both %s and %s", row->request_id, row[-1].made_id,
                            row->made_id);
        }
    }
    *table_out = table;
}

static int compare_row(const void *key, const void *row)
{
    return strcmp(key, ((const struct row *)row)->request_id);
}

static void check_request(struct table *table, const struct chaos_request *request)
{
    struct row *row =
        bsearch(request->id, table->rows, table->count, sizeof table->rows[0], compare_row);
    if (row == NULL) {
        if (request->accepted) {
            chaos_violation("LOST: %s, accepted as %s, is not in PostgreSQL", request->id,
                            request->made_id);
        }
        return;
    }
    row->asked_for = true;
    if (!request->accepted && !request->maybe) {
        chaos_violation("%s was %s, and %s is in PostgreSQL", request->id,
                        request->refused_ms != 0 ? "refused" : "never done", row->made_id);
    }
    check_row(row, request);
}

/* Whether the order can have come into that state by what was asked, and all that was done shows.
 */
static bool is_explained(long state, const struct chaos_request *request)
{
    bool confirmed = !request->held || (request->asked & CHAOS_BIT(CHAOS_CONFIRM)) != 0;
    unsigned ends = CHAOS_BIT(CHAOS_CANCEL) | CHAOS_BIT(CHAOS_FULFIL);
    switch (state) {
    case ORDER_CONFIRMED:
        return confirmed && (request->done & ends) == 0;
    case ORDER_FULFILLED:
        return confirmed && (request->asked & CHAOS_BIT(CHAOS_FULFIL)) != 0 &&
               (request->done & CHAOS_BIT(CHAOS_CANCEL)) == 0;
    case ORDER_CANCELLED:
        return (request->asked & CHAOS_BIT(CHAOS_CANCEL)) != 0 &&
               (request->done & CHAOS_BIT(CHAOS_FULFIL)) == 0;
    case ORDER_EXPIRED:
        return request->held && request->done == 0;
    default:
        return false; /* a hold has ended long before all is at rest */
    }
}

static void check_row(const struct row *row, const struct chaos_request *request)
{
    char content[256] = "";
    size_t size = 0;
    for (size_t i = 0; i < request->line_count; i++) {
        size +=
            (size_t)snprintf(content + size, sizeof content - size, "%shot-%d:%d", i > 0 ? " " : "",
                             request->lines[i].product, request->lines[i].quantity);
    }
    if (request->made_id[0] != '\0' && strcmp(request->made_id, row->made_id) != 0) {
        chaos_violation("%s was answered %s and is stored as %s", request->id, request->made_id,
                        row->made_id);
    }
    if (request->kind == CHAOS_CREATE && !is_explained(strtol(row->state, NULL, 10), request)) {
        chaos_violation("%s (%s) is in state %s; verbs asked %u, done %u", request->id,
                        row->made_id, row->state, request->asked, request->done);
    }
    if (request->ended_state != 0 && request->ended_state != strtol(row->state, NULL, 10)) {
        chaos_violation("%s (%s) had ended in state %d and is in state %s", request->id,
                        row->made_id, request->ended_state, row->state);
    }
    if (strcmp(row->content, content) != 0) {
        chaos_violation("%s (%s) has '%s' instead of '%s'", request->id, row->made_id, row->content,
                        content);
    }
}

static void check_strangers(const struct table *table, const char *what)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!table->rows[i].asked_for) {
            chaos_violation("nobody asked for %s %s (%s)", what, table->rows[i].made_id,
                            table->rows[i].request_id);
        }
    }
}
