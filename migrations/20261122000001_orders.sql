-- Products, stock, orders and their events: what the system believes when everything else is gone.
-- Few indexes and no foreign keys on the order path on purpose: each costs every order, and what
-- they would check is decided before (in Redis) or compared after (by the audit).

-- migrate:up
CREATE TABLE products (
    product_id       text        PRIMARY KEY,
    display_name     text        NOT NULL,
    unit_price_minor bigint      NOT NULL CHECK (unit_price_minor >= 0),
    currency         text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    version          bigint      NOT NULL DEFAULT 1,
    request_id       text        NOT NULL,
    request_hash     bytea       NOT NULL,
    create_time      timestamptz NOT NULL,
    update_time      timestamptz NOT NULL
);

-- One row a product, updated with every batch: room on the page keeps the updates off the index.
CREATE TABLE stock (
    product_id text   PRIMARY KEY,
    on_hand    bigint NOT NULL CHECK (on_hand >= 0),
    reserved   bigint NOT NULL CHECK (reserved >= 0),
    CONSTRAINT stock_never_oversold CHECK (reserved <= on_hand)
) WITH (fillfactor = 50);

-- order_id follows from the request_id: the primary key is what makes asking twice make it once.
CREATE TABLE orders (
    order_id     uuid        PRIMARY KEY,
    customer_id  text        NOT NULL,
    state        smallint    NOT NULL, -- shop.v1.Order.State
    version      integer     NOT NULL,
    currency     text        NOT NULL,
    total_minor  bigint      NOT NULL CHECK (total_minor >= 0),
    order_ref    text        NOT NULL,
    request_hash bytea       NOT NULL,
    create_time  timestamptz NOT NULL,
    placed_time  timestamptz NOT NULL
);
CREATE INDEX orders_by_time ON orders (create_time DESC, order_id DESC);
CREATE INDEX orders_by_customer ON orders (customer_id, create_time DESC, order_id DESC);

CREATE TABLE order_lines (
    order_id         uuid    NOT NULL,
    line_number      integer NOT NULL, -- from 1, as given
    product_id       text    NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint  NOT NULL CHECK (unit_price_minor >= 0),
    PRIMARY KEY (order_id, line_number)
);

-- Every event once. Another event_id at the same version is a second reservation of the order.
CREATE TABLE order_events (
    order_id   uuid        NOT NULL,
    version    integer     NOT NULL,
    event_id   uuid        NOT NULL,
    kind       smallint    NOT NULL, -- enum event_kind
    event_time timestamptz NOT NULL,
    actor      text        NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- Events that reserved for an order, or adjusted for an entry, that another event had made (the
-- request came again after Redis had forgotten it). Their units were given back, once, however often
-- they are delivered.
CREATE TABLE double_reservations (
    event_id    uuid        PRIMARY KEY,
    subject_id  uuid        NOT NULL, -- order_id or entry_id
    epoch       bigint      NOT NULL,
    event_time  timestamptz NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);

-- What changed stock besides orders; an order's own entries are its lines and events.
CREATE TABLE stock_ledger (
    entry_id       uuid        PRIMARY KEY, -- follows from the request_id
    event_id       uuid        NOT NULL,
    product_id     text        NOT NULL,
    delta_on_hand  bigint      NOT NULL,
    on_hand_after  bigint      NOT NULL,
    reserved_after bigint      NOT NULL,
    reason         text        NOT NULL,
    reference      text        NOT NULL,
    actor          text        NOT NULL,
    event_time     timestamptz NOT NULL
);
CREATE INDEX stock_ledger_by_product ON stock_ledger (product_id, event_time);

-- What Redis still has to be told; a row goes once it has been.
CREATE TABLE stock_deltas (
    delta_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    epoch       bigint      NOT NULL,
    product_id  text        NOT NULL,
    quantity    bigint      NOT NULL,
    create_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dead_letters (
    dead_letter_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    create_time    timestamptz NOT NULL DEFAULT now(),
    reason         text        NOT NULL, -- of docs/ERRORS.md
    message        text        NOT NULL,
    routing_key    text        NOT NULL,
    message_id     text        NOT NULL,
    body           bytea       NOT NULL  -- one shop.v1.Event, or a whole message that cannot be split
);
-- The same thing again - redelivered before the ack, or published again by the relay under another
-- message_id - keeps one.
CREATE UNIQUE INDEX dead_letters_once ON dead_letters (md5(body));

-- One row a shard. epoch grows with every loading of stock into Redis.
CREATE TABLE control (
    shard       text        PRIMARY KEY,
    epoch       bigint      NOT NULL,
    update_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO control (shard, epoch) VALUES ('s0', 0);

-- migrate:down
DROP TABLE control, dead_letters, stock_deltas, stock_ledger, double_reservations, order_events, order_lines, orders, stock, products;
