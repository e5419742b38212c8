/* See audit_books.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "postgres/postgres_array.h"
#include "server/audit_books.h"
#include "server/audit_books_sql.h"
#include "server/refusals.h"
#include "shop/limits.h"

#define FIRST_BYTES (256 * 1024)
#define BYTES_MAX   (64 * 1024 * 1024)
#define STOCK_ROWS  5000 /* a statement */

/* Products into memory, then orders, then perhaps the next products. */
enum phase { PHASE_PRODUCTS, PHASE_ORDERS };

static const struct uuid LAST_ORDER = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                        0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct audit_books {
    struct audit_books_options options;
    struct postgres_link *link;
    struct arena arena; /* of the pass */
    struct audit_book *books;
    size_t count;
    enum phase phase;
    bool in_snapshot, has_all; /* has_all: no product is behind these */
    char after[SHOP_ID_BYTES_MAX + 1];
    struct uuid after_order;
};

static const struct postgres_statement begin = {NULL,
                                                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"};
/* A step is short, as a rule; one of very long orders may take its time. */
static const struct postgres_statement patience = {NULL, "SET LOCAL statement_timeout = '20s'"};
/* PostgreSQL cannot tell how much lies between two UUIDs: below a hundredth of a table it takes
 * them for neighbours, and joins row by row. Without the values it reckons with a part of the
 * table. */
static const struct postgres_statement generic = {NULL,
                                                  "SET LOCAL plan_cache_mode = force_generic_plan"};
static const struct postgres_statement commit = {NULL, "COMMIT"};
static const struct postgres_statement products = {
    "audit_books_products",
    "SELECT product_id, on_hand, reserved,"
    " coalesce((SELECT sum(delta_on_hand) FROM stock_ledger l WHERE l.product_id = s.product_id), "
    "0)::int8"
    " FROM stock s WHERE product_id > $1::text ORDER BY product_id LIMIT $2::int8",
};
static const struct postgres_statement end_of_step = {
    "audit_books_end",
    "SELECT order_id FROM orders WHERE order_id > $1::uuid ORDER BY order_id"
    " OFFSET $2::int8 - 1 LIMIT 1",
};
static enum status step_products(struct audit_books *books, int64_t deadline_ms,
                                 struct failure *failure);
static bool keep_products(struct audit_books *books, const struct postgres_result *rows);
static enum status step_orders(struct audit_books *books, int64_t deadline_ms, bool *last_out,
                               struct failure *failure);
static void add_moved(struct audit_books *books, const struct postgres_result *rows);
static enum status end_pass(struct audit_books *books, int64_t deadline_ms,
                            struct failure *failure);
static int compare_id(const void *a, const void *b);

enum status audit_books_begin(struct postgres_link *link, const struct audit_books_options *options,
                              struct audit_books **books_out, struct failure *failure)
{
    assert(options->products_max > 0 && options->orders_max > 0);
    struct audit_books *books = calloc(1, sizeof *books);
    if (books == NULL) {
        return refuse_overloaded(failure);
    }
    books->options = *options;
    books->link = link;
    arena_init(&books->arena, FIRST_BYTES, BYTES_MAX);
    *books_out = books;
    return STATUS_OK;
}

enum status audit_books_step(struct audit_books *books, int64_t deadline_ms, bool *done_out,
                             struct failure *failure)
{
    bool is_last = false;
    enum status status = books->phase == PHASE_PRODUCTS
                             ? step_products(books, deadline_ms, failure)
                             : step_orders(books, deadline_ms, &is_last, failure);
    /* After a pass that was just full, none may be left. */
    is_last = is_last || (books->has_all && books->count == 0);
    if (status == STATUS_OK && is_last) {
        status = end_pass(books, deadline_ms, failure);
    }
    *done_out = status == STATUS_OK && is_last && books->has_all;
    return status;
}

void audit_books_destroy(struct audit_books **books)
{
    if (*books == NULL) {
        return;
    }
    if ((*books)->in_snapshot) {
        postgres_link_rollback((*books)->link);
    }
    arena_fini(&(*books)->arena);
    free(*books);
    *books = NULL;
}

static enum status step_products(struct audit_books *books, int64_t deadline_ms,
                                 struct failure *failure)
{
    if (books->count == 0) {
        arena_reset(&books->arena);
        books->books =
            arena_calloc(&books->arena, books->options.products_max, sizeof *books->books);
    }
    if (books->books == NULL) {
        return refuse_overloaded(failure);
    }
    size_t room = books->options.products_max - books->count;
    size_t most = room < STOCK_ROWS ? room : STOCK_ROWS;
    struct postgres_parameter parameters[] = {postgres_text(books->after),
                                              postgres_int8(&books->arena, (int64_t)most)};
    size_t first = 0;
    if (!books->in_snapshot) {
        postgres_link_add(books->link, &begin, NULL, 0);
        postgres_link_add(books->link, &patience, NULL, 0);
        postgres_link_add(books->link, &generic, NULL, 0);
        first = 3;
    }
    postgres_link_add(books->link, &products, parameters, 2);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(books->link, deadline_ms, &results, failure);
    books->in_snapshot = status == STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    const struct postgres_result *rows = results[first];
    if (!keep_products(books, rows)) {
        return refuse_overloaded(failure);
    }
    books->has_all = postgres_result_rows(rows) < most;
    if (books->has_all || books->count == books->options.products_max) {
        qsort(books->books, books->count, sizeof *books->books, compare_id);
        books->after_order = (struct uuid){{0}};
        books->phase = PHASE_ORDERS;
    }
    return STATUS_OK;
}

static bool keep_products(struct audit_books *books, const struct postgres_result *rows)
{
    for (size_t i = 0; i < postgres_result_rows(rows); i++) {
        const char *id = arena_strdup(&books->arena, postgres_result_text(rows, i, 0));
        if (id == NULL) {
            return false;
        }
        books->books[books->count++] = (struct audit_book){
            .product_id = id,
            .on_hand = postgres_result_int(rows, i, 1),
            .reserved = postgres_result_int(rows, i, 2),
            .moved_on_hand = postgres_result_int(rows, i, 3),
        };
        memcpy(books->after, id, strlen(id) + 1);
    }
    return true;
}

static enum status step_orders(struct audit_books *books, int64_t deadline_ms, bool *last_out,
                               struct failure *failure)
{
    struct postgres_parameter bounds[] = {
        postgres_uuid(&books->after_order),
        postgres_int8(&books->arena, (int64_t)books->options.orders_max),
    };
    const struct postgres_result *rows;
    enum status status =
        postgres_link_query(books->link, &end_of_step, bounds, 2, deadline_ms, &rows, failure);
    struct uuid until = LAST_ORDER;
    if (status == STATUS_OK) {
        *last_out = postgres_result_rows(rows) == 0;
        until = *last_out ? LAST_ORDER : postgres_result_uuid(rows, 0, 0);
        bounds[1] = postgres_uuid(&until);
        status = postgres_link_query(books->link, &AUDIT_BOOKS_ORDERS, bounds, 2, deadline_ms,
                                     &rows, failure);
    }
    books->in_snapshot = status == STATUS_OK;
    if (status != STATUS_OK) {
        return status;
    }
    add_moved(books, rows);
    books->after_order = until;
    return STATUS_OK;
}

/* Of a product of another pass, or one that was created behind the snapshot of another: not ours.
 */
static void add_moved(struct audit_books *books, const struct postgres_result *rows)
{
    for (size_t i = 0; i < postgres_result_rows(rows); i++) {
        struct audit_book key = {.product_id = postgres_result_text(rows, i, 0)};
        struct audit_book *book = bsearch(&key, books->books, books->count, sizeof key, compare_id);
        if (book != NULL) {
            book->moved_on_hand += postgres_result_int(rows, i, 1);
            book->moved_reserved += postgres_result_int(rows, i, 2);
            book->open += postgres_result_int(rows, i, 3);
        }
    }
}

static enum status end_pass(struct audit_books *books, int64_t deadline_ms, struct failure *failure)
{
    const struct postgres_result *nothing;
    books->in_snapshot = false;
    enum status status =
        postgres_link_query(books->link, &commit, NULL, 0, deadline_ms, &nothing, failure);
    for (size_t i = 0; i < books->count && status == STATUS_OK; i++) {
        if (audit_book_drift(&books->books[i]) != 0) {
            books->options.found(books->options.state, &books->books[i]);
        }
    }
    books->count = 0;
    books->phase = PHASE_PRODUCTS;
    return status;
}

static int compare_id(const void *a, const void *b)
{
    const struct audit_book *left = a, *right = b;
    return strcmp(left->product_id, right->product_id);
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

int64_t audit_book_drift(const struct audit_book *book)
{
    int64_t moved = distance(book->reserved, book->moved_reserved);
    int64_t open = distance(book->reserved, book->open);
    return distance(book->on_hand, book->moved_on_hand) + (moved > open ? moved : open);
}
