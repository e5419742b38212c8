/* Change rows: the part of a plan that is about changes of orders, as PostgreSQL's arrays, and its
 * answers as facts of the plan. Like event_rows.h. Called by event_store_postgres.c. */
#pragma once

#include "worker/event_rows.h"

/* Statements about all orders that the plan changes. */
size_t change_rows_add_lock(struct event_rows *rows, const struct event_plan *plan);
size_t change_rows_add_lines_query(struct event_rows *rows, const struct event_plan *plan);
size_t change_rows_add_known_query(struct event_rows *rows, const struct event_plan *plan);
/* Events, orders and lines as decided. */
void change_rows_add_decided(struct event_rows *rows, const struct event_plan *plan);
/* Which events became part of their orders, for whoever follows them. */
void change_rows_add_feed(struct event_rows *rows, const struct event_plan *plan);
/* Which of the plan's orders have events that can be applied now; call when it has some. */
size_t change_rows_add_ready_query(struct event_rows *rows, const struct event_plan *plan);

/* False when the arena is full. Lines after orders. */
bool change_rows_read_orders(const struct postgres_result *result, struct event_plan *plan);
bool change_rows_read_lines(const struct postgres_result *result, struct event_plan *plan);
void change_rows_read_known(const struct postgres_result *result, struct event_plan *plan);

/* Events that wait, of the orders given. */
size_t change_rows_add_waiting_query(struct event_rows *rows, const struct uuid *order_ids,
                                     size_t count);
size_t change_rows_add_waiting_lines_query(struct event_rows *rows, const struct uuid *order_ids,
                                           size_t count);
size_t change_rows_add_lock_of(struct event_rows *rows, const struct uuid *order_ids, size_t count);
/* NULL when the arena is full. Both results are of one exchange. */
struct stored_event *change_rows_read_waiting(const struct postgres_result *events,
                                              const struct postgres_result *lines,
                                              struct arena *arena);
