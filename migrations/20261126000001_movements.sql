-- Changes of orders that moved units, by time: a page of a product's movements goes on from a moment.
-- Nothing that a created order would pay for.

-- migrate:up
CREATE INDEX order_events_moving ON order_events (event_time)
    WHERE version > 1 AND line_numbers IS NOT NULL;

-- migrate:down
DROP INDEX order_events_moving;
