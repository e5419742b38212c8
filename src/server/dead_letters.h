/* Dead letters: events that could not be stored, as PostgreSQL keeps them, and what was decided
 * about them. Called by query_dead_letters.c; implemented in dead_letters_postgres.c. Results live
 * in the arena given. Always: a letter is decided once. Its units go back on sale only when it is
 * discarded, in the same transaction; an event that was discarded and is delivered again is a
 * duplicate. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

struct postgres_link;

enum letter_state { /* the column dead_letters.state */
                    LETTER_UNDECIDED = 0,
                    LETTER_REQUEUED = 1,
                    LETTER_DISCARDED = 2,
                    LETTER_STORED = 3,
                    LETTER_ANY = -1, /* of a list */
};

struct letter_units {
    const char *product_id;
    int64_t quantity;
};

struct letter {
    int64_t letter_id;
    enum letter_state state;
    int64_t create_time_us, decide_time_us; /* 0: not decided */
    const char *reason, *message, *routing_key, *decide_actor;
    const char *event_id; /* "" = the bytes are no event */
    struct bytes body;    /* not in lists */
    struct letter_units *units;
    size_t unit_count;
};

/* Letters with a smaller id than `before`, the newest first, up to `most`. */
enum status letters_list(struct postgres_link *link, enum letter_state state, int64_t before,
                         int32_t most, struct arena *arena, int64_t deadline_ms,
                         struct letter **letters_out, size_t *count_out, struct failure *failure);
/* *letter_out NULL: there is none. */
enum status letters_find(struct postgres_link *link, int64_t letter_id, struct arena *arena,
                         int64_t deadline_ms, struct letter **letter_out, struct failure *failure);
/* Undecided -> requeued or discarded; any other is left as it is. */
enum status letters_decide(struct postgres_link *link, const char *shard, int64_t letter_id,
                           enum letter_state state, const char *actor, struct arena *arena,
                           int64_t deadline_ms, struct failure *failure);
