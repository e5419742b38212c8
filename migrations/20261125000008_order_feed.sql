-- Which events became part of their orders, in an order that can be followed: a row a transaction of
-- a worker, so that it costs an order next to nothing. Transactions commit in another order than they
-- got their ids; a reader looks only at ids below those of all transactions that still run
-- (pg_snapshot_xmin), where nothing can appear any more.

-- migrate:up
CREATE TABLE order_feed (
    xid         xid8        PRIMARY KEY DEFAULT pg_current_xact_id(),
    create_time timestamptz NOT NULL DEFAULT now(),
    order_ids   uuid[]      NOT NULL,
    versions    integer[]   NOT NULL -- of order_events
) WITH (toast_tuple_target = 8160);
-- Random ids do not compress: a batch's row stays in its page as it is.
ALTER TABLE order_feed ALTER COLUMN order_ids SET STORAGE EXTERNAL,
                       ALTER COLUMN versions SET STORAGE EXTERNAL;

-- migrate:down
DROP TABLE order_feed;
