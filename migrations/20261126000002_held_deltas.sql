-- Redis is told of the hold of an order that was stored after its epoch: the stock in force was loaded
-- without it. The row's units are 0 then.

-- migrate:up
ALTER TABLE stock_deltas ADD COLUMN held_order_id uuid; -- NULL = units, or rules

-- migrate:down
ALTER TABLE stock_deltas DROP COLUMN held_order_id;
