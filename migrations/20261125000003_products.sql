-- What a shop decides about a product besides its price: whether it is sold, when, and how many of it
-- one order and one customer may have; how many units are kept back; and who is told when it runs low.

-- migrate:up
-- 0 and NULL: no such rule. limit_since: units bought before it do not count; NULL = nobody counts.
ALTER TABLE products
    ADD COLUMN state            smallint NOT NULL DEFAULT 1, -- shop.v1.Product.State
    ADD COLUMN max_per_order    integer  NOT NULL DEFAULT 0 CHECK (max_per_order >= 0),
    ADD COLUMN max_per_customer integer  NOT NULL DEFAULT 0 CHECK (max_per_customer >= 0),
    ADD COLUMN limit_window_ms  bigint   NOT NULL DEFAULT 0 CHECK (limit_window_ms >= 0),
    ADD COLUMN limit_since      timestamptz,
    ADD COLUMN sale_start_time  timestamptz,
    ADD COLUMN sale_end_time    timestamptz;

-- What the worker needs to know of a product stands in the row that it locks anyway.
ALTER TABLE stock
    ADD COLUMN safety_stock        bigint  NOT NULL DEFAULT 0 CHECK (safety_stock >= 0),
    ADD COLUMN low_stock_threshold bigint  NOT NULL DEFAULT 0 CHECK (low_stock_threshold >= 0),
    ADD COLUMN limited             boolean NOT NULL DEFAULT false; -- its orders go to limited_orders

-- The rules that Redis still has to be told, with the units; NULL = units only.
ALTER TABLE stock_deltas ADD COLUMN rules text;

-- Orders of products with a limit per customer, so that what everyone bought can be counted anew
-- without reading all orders. Gone when no window reaches back to them.
CREATE TABLE limited_orders (
    product_id  text        NOT NULL,
    order_id    uuid        NOT NULL,
    create_time timestamptz NOT NULL, -- of the order
    PRIMARY KEY (product_id, order_id)
);
CREATE INDEX limited_orders_by_time ON limited_orders (create_time);

-- Events about stock that RabbitMQ has not confirmed yet; a row goes once it has.
CREATE TABLE stock_notices (
    notice_id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id            uuid        NOT NULL DEFAULT gen_random_uuid(),
    kind                smallint    NOT NULL, -- shop.v1.StockLevel.Kind
    product_id          text        NOT NULL,
    available           bigint      NOT NULL,
    low_stock_threshold bigint      NOT NULL,
    epoch               bigint      NOT NULL,
    event_time          timestamptz NOT NULL DEFAULT now()
);

-- Why stock is what it is: all that ever changed on_hand or reserved, one row a line, with what the
-- product had before and after it. The order is that of the decisions; PostgreSQL learned of them in
-- another one, so that in between `after` may be a number that nobody ever saw. The last one is what
-- the product's row in stock says.
DROP VIEW stock_movements;
CREATE VIEW stock_movements AS
SELECT product_id, event_time, event_id, cause, order_id, line_number, delta_on_hand, delta_reserved,
       (sum(delta_on_hand) OVER so_far)::bigint - delta_on_hand AS on_hand_before,
       (sum(delta_on_hand) OVER so_far)::bigint AS on_hand_after,
       (sum(delta_reserved) OVER so_far)::bigint - delta_reserved AS reserved_before,
       (sum(delta_reserved) OVER so_far)::bigint AS reserved_after,
       actor, reason, reference
FROM (
    SELECT product_id, event_time, event_id, 'stock.adjusted' AS cause, NULL::uuid AS order_id,
           0 AS line_number, delta_on_hand, 0::bigint AS delta_reserved, actor, reason, reference
    FROM stock_ledger
    UNION ALL
    SELECT l.product_id, e.event_time, e.event_id, 'order.created', l.order_id,
           l.line_number, 0, l.quantity, e.actor, '', o.order_ref
    FROM order_lines l
    JOIN order_events e ON e.order_id = l.order_id AND e.version = 1 AND e.outcome = 1
    JOIN orders o ON o.order_id = l.order_id
    UNION ALL
    SELECT l.product_id, e.event_time, e.event_id,
           CASE e.kind WHEN 2 THEN 'order.confirmed' WHEN 3 THEN 'order.cancelled'
                       WHEN 4 THEN 'order.expired' WHEN 5 THEN 'order.fulfilled' END, l.order_id,
           l.line_number, CASE WHEN e.kind = 5 OR e.write_off THEN -c.quantity ELSE 0 END,
           CASE WHEN e.kind = 2 THEN c.quantity ELSE -c.quantity END, e.actor, e.reason, o.order_ref
    FROM order_lines l
    JOIN order_events e ON e.order_id = l.order_id AND e.version > 1 AND e.outcome = 1
    JOIN orders o ON o.order_id = l.order_id
    CROSS JOIN LATERAL unnest(e.line_numbers, e.line_quantities) AS c(line_number, quantity)
    WHERE c.line_number = l.line_number
) AS movements
WINDOW so_far AS (PARTITION BY product_id ORDER BY event_time, event_id, line_number);

-- migrate:down
DROP VIEW stock_movements;
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
DROP TABLE stock_notices, limited_orders;
ALTER TABLE stock_deltas DROP COLUMN rules;
ALTER TABLE stock DROP COLUMN safety_stock, DROP COLUMN low_stock_threshold, DROP COLUMN limited;
ALTER TABLE products DROP COLUMN state, DROP COLUMN max_per_order, DROP COLUMN max_per_customer,
    DROP COLUMN limit_window_ms, DROP COLUMN limit_since, DROP COLUMN sale_start_time,
    DROP COLUMN sale_end_time;
