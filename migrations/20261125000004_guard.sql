-- Dead letters that can be decided: stored after all, or discarded. While one is undecided, the units
-- that its event took stay out of sale, also when stock is loaded anew. And what was repaired.

-- migrate:up
ALTER TABLE dead_letters
    ADD COLUMN event_id     uuid,    -- of the event in body; NULL = it cannot be decoded
    ADD COLUMN kind         integer, -- enum event_kind
    ADD COLUMN epoch        bigint,  -- in which the event was decided
    ADD COLUMN state        smallint NOT NULL DEFAULT 0, -- shop.v1.DeadLetter.State - 1
    ADD COLUMN decide_time  timestamptz,
    ADD COLUMN decide_actor text     NOT NULL DEFAULT '';
-- What the workers' sweep asks for; few rows or none.
CREATE INDEX dead_letters_requeued ON dead_letters (dead_letter_id) WHERE state = 1;

-- Units that the event took from Redis and PostgreSQL knows nothing of. They go when it is decided.
CREATE TABLE dead_letter_units (
    dead_letter_id bigint NOT NULL,
    product_id     text   NOT NULL,
    quantity       bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (dead_letter_id, product_id)
);

-- Units that Redis was told to add because an audit found too few there.
CREATE TABLE stock_repairs (
    repair_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    create_time timestamptz NOT NULL DEFAULT now(),
    actor       text        NOT NULL,
    epoch       bigint      NOT NULL,
    product_id  text        NOT NULL,
    quantity    bigint      NOT NULL
);

-- migrate:down
DROP TABLE stock_repairs, dead_letter_units;
ALTER TABLE dead_letters DROP COLUMN event_id, DROP COLUMN kind, DROP COLUMN epoch,
    DROP COLUMN state, DROP COLUMN decide_time, DROP COLUMN decide_actor;
