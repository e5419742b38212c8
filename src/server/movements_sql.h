/* Movements: what an order's event did to the product of a line, as the view stock_movements has
 * it, for statements that cannot go through the view: its running sums make it read all of a
 * product. Used by audit_books_sql.h and movements_list_sql.h. Their statements name
 *     e  an event that was applied
 *     l  a line of its order
 *     c  (line_number, quantity) of an event that changed an order: what it moved */
#pragma once

#define MOVED_BY_CREATION "e.version = 1 AND e.outcome = 1"
#define MOVED_BY_CHANGE   "e.version > 1 AND e.outcome = 1"
#define MOVED_LINES       "unnest(e.line_numbers, e.line_quantities) AS c (line_number, quantity)"
#define MOVED_ON_HAND     "CASE WHEN e.kind = 5 OR e.write_off THEN -c.quantity ELSE 0 END"
#define MOVED_RESERVED    "CASE WHEN e.kind = 2 THEN c.quantity ELSE -c.quantity END"
/* Units that an event which waits for its predecessor took when it was decided - a hold that had
 * run out, taken again - and that no row knows of yet. */
#define MOVED_BY_WAITING                                                                  \
    "SELECT l.product_id, c.quantity FROM order_events e CROSS JOIN LATERAL " MOVED_LINES \
    " JOIN order_lines l ON l.order_id = e.order_id AND l.line_number = c.line_number "   \
    "WHERE e.outcome = 0 AND e.kind = 2"
