-- The life of an order after its creation: times, what became of each line, and events that may come
-- in any order. What a created order does not need is NULL or a default: it costs the order path
-- nothing.

-- migrate:up
ALTER TABLE orders
    ADD COLUMN expire_time       timestamptz, -- PENDING and EXPIRED: when the hold ends or ended
    ADD COLUMN confirm_time      timestamptz, -- NULL = never
    ADD COLUMN update_time       timestamptz, -- NULL = not changed since create_time
    ADD COLUMN payment_reference text NOT NULL DEFAULT '';
UPDATE orders SET confirm_time = create_time WHERE state = 2;

-- The rest of a line is open. An EXPIRED order's open units are not reserved: they are what it would
-- take again.
ALTER TABLE order_lines
    ADD COLUMN fulfilled_quantity integer NOT NULL DEFAULT 0 CHECK (fulfilled_quantity >= 0),
    ADD COLUMN cancelled_quantity integer NOT NULL DEFAULT 0 CHECK (cancelled_quantity >= 0),
    ADD CONSTRAINT order_lines_open CHECK (fulfilled_quantity + cancelled_quantity <= quantity);

-- outcome: 0 waits for the version before it, 1 applied to the order, 2 refused (it contradicts the
-- order, or there are no such units; kept as a dead letter). The order's version passes over 2.
-- line_numbers and line_quantities: the units that leave the open ones or, from EXPIRED to
-- CONFIRMED, join them; NULL = none, and at creation all (order_lines has them).
ALTER TABLE order_events
    ADD COLUMN from_state      smallint NOT NULL DEFAULT 0, -- shop.v1.Order.State
    ADD COLUMN to_state        smallint NOT NULL DEFAULT 2,
    ADD COLUMN outcome         smallint NOT NULL DEFAULT 1,
    ADD COLUMN write_off       boolean  NOT NULL DEFAULT false,
    ADD COLUMN epoch           bigint, -- NULL at creation
    ADD COLUMN reason          text     NOT NULL DEFAULT '',
    ADD COLUMN line_numbers    integer[],
    ADD COLUMN line_quantities integer[];
-- Until now every order was created CONFIRMED; from now on it is always said.
ALTER TABLE order_events ALTER COLUMN to_state DROP DEFAULT;
UPDATE order_events SET outcome = 2
    WHERE version = 1 AND order_id IN (SELECT order_id FROM orders WHERE state = 7);
-- Few rows or none: each batch asks it, and the sweep.
CREATE INDEX order_events_waiting ON order_events (order_id, version) WHERE outcome = 0;

-- Why stock is what it is: all that ever changed on_hand or reserved, one row a line. The sum of a
-- product's rows and what it was created with is its row in stock.
CREATE VIEW stock_movements AS
SELECT product_id, event_time, event_id, 'stock.adjusted' AS cause, NULL::uuid AS order_id,
       NULL::integer AS line_number, delta_on_hand, 0::bigint AS delta_reserved, on_hand_after,
       reserved_after, actor, reason, reference
FROM stock_ledger
UNION ALL
SELECT l.product_id, e.event_time, e.event_id, 'order.created', l.order_id,
       l.line_number, 0, l.quantity, NULL, NULL, e.actor, '', o.order_ref
FROM order_lines l
JOIN order_events e ON e.order_id = l.order_id AND e.version = 1 AND e.outcome = 1
JOIN orders o ON o.order_id = l.order_id
UNION ALL
SELECT l.product_id, e.event_time, e.event_id,
       CASE e.kind WHEN 2 THEN 'order.confirmed' WHEN 3 THEN 'order.cancelled'
                   WHEN 4 THEN 'order.expired' WHEN 5 THEN 'order.fulfilled' END, l.order_id,
       l.line_number, CASE WHEN e.kind = 5 OR e.write_off THEN -c.quantity ELSE 0 END,
       CASE WHEN e.kind = 2 THEN c.quantity ELSE -c.quantity END, NULL, NULL, e.actor, e.reason,
       o.order_ref
FROM order_lines l
JOIN order_events e ON e.order_id = l.order_id AND e.version > 1 AND e.outcome = 1
JOIN orders o ON o.order_id = l.order_id
CROSS JOIN LATERAL unnest(e.line_numbers, e.line_quantities) AS c(line_number, quantity)
WHERE c.line_number = l.line_number;

-- migrate:down
DROP VIEW stock_movements;
DROP INDEX order_events_waiting;
ALTER TABLE order_events DROP COLUMN from_state, DROP COLUMN to_state, DROP COLUMN outcome,
    DROP COLUMN write_off, DROP COLUMN epoch, DROP COLUMN reason, DROP COLUMN line_numbers,
    DROP COLUMN line_quantities;
ALTER TABLE order_lines DROP COLUMN fulfilled_quantity, DROP COLUMN cancelled_quantity;
ALTER TABLE orders DROP COLUMN expire_time, DROP COLUMN confirm_time, DROP COLUMN update_time,
    DROP COLUMN payment_reference;
