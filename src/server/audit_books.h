/* Audit books: whether PostgreSQL agrees with itself, product by product.
 *     on_hand  = what the product's movements add up to
 *     reserved = what its movements add up to = its units in open lines
 * Called by auditor.c (every ten minutes) and admin_stock.c (when asked).
 * There is no index from a product to its lines: it would cost every order. So a pass holds many
 * products in memory and walks all orders by their key, some thousands a step, so that each
 * statement takes about as long at ten orders as at ten million. A pass is one snapshot: what is
 * stored meanwhile is in none of its numbers. While one is under way, the link is its own. */
#pragma once

#include "base/arena.h"
#include "base/status.h"

struct postgres_link;
struct audit_books;

/* A pass: some 15 MB. */
#define AUDIT_BOOKS_PRODUCTS_MAX 100000
/* A step: with the usual lines tens of milliseconds, with as many as an order can have seconds. */
#define AUDIT_BOOKS_ORDERS_MAX 5000

struct audit_book {
    const char *product_id;
    int64_t on_hand, reserved;             /* of the product's row in `stock` */
    int64_t moved_on_hand, moved_reserved; /* sums of its movements */
    int64_t open;                          /* units in lines that are neither gone nor given up */
};

struct audit_books_options {
    size_t products_max, orders_max;
    /* Of a product whose book is wrong, by its number of units; lives as long as the call. */
    void (*found)(void *state, const struct audit_book *book);
    void *state;
};

/* RESOURCE_EXHAUSTED. Nothing is sent yet. The link is borrowed. */
enum status audit_books_begin(struct postgres_link *link, const struct audit_books_options *options,
                              struct audit_books **books_out, struct failure *failure);
/* The next statement or two. *done_out: all products were seen. A failure ends the pass: what
 * remains is to destroy it. */
enum status audit_books_step(struct audit_books *books, int64_t deadline_ms, bool *done_out,
                             struct failure *failure);
/* Ends the snapshot, too. NULL-safe; nulls the caller's pointer. */
void audit_books_destroy(struct audit_books **books);

/* How many units it is wrong by; 0: it is right. */
int64_t audit_book_drift(const struct audit_book *book);
