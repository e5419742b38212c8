/* Dead letters over PostgreSQL. See dead_letters.h. */
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/dead_letters.h"
#include "server/refusals.h"

#define LETTER_COLUMNS                                                                        \
    "d.dead_letter_id, d.state, d.create_time, coalesce(d.decide_time, timestamptz 'epoch')," \
    " d.reason, d.message, d.routing_key, d.decide_actor, coalesce(d.event_id::text, '')"
#define UNITS_SQL \
    "SELECT dead_letter_id, product_id, quantity FROM dead_letter_units WHERE dead_letter_id "

static enum status read_letters(const struct postgres_result *letters,
                                const struct postgres_result *units, struct arena *arena,
                                struct letter **letters_out, size_t *count_out,
                                struct failure *failure);
static bool read_units(const struct postgres_result *units, struct arena *arena,
                       struct letter *letter);

enum status letters_list(struct postgres_link *link, enum letter_state state, int64_t before,
                         int32_t most, struct arena *arena, int64_t deadline_ms,
                         struct letter **letters_out, size_t *count_out, struct failure *failure)
{
    static const struct postgres_statement list = {
        "letters_list",
        "SELECT " LETTER_COLUMNS ", ''::bytea FROM dead_letters d WHERE dead_letter_id < $1::int8"
        " AND ($2::int8 < 0 OR state = $2::int8) ORDER BY dead_letter_id DESC LIMIT $3::int8",
    };
    static const struct postgres_statement units = {
        "letters_list_units",
        UNITS_SQL "IN (SELECT dead_letter_id FROM dead_letters WHERE dead_letter_id < $1::int8"
                  " AND ($2::int8 < 0 OR state = $2::int8) ORDER BY 1 DESC LIMIT $3::int8)",
    };
    struct postgres_parameter parameters[] = {
        postgres_int8(arena, before),
        postgres_int8(arena, state),
        postgres_int8(arena, most),
    };
    postgres_link_add(link, &list, parameters, 3);
    postgres_link_add(link, &units, parameters, 3);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    return status == STATUS_OK
               ? read_letters(results[0], results[1], arena, letters_out, count_out, failure)
               : status;
}

enum status letters_find(struct postgres_link *link, int64_t letter_id, struct arena *arena,
                         int64_t deadline_ms, struct letter **letter_out, struct failure *failure)
{
    static const struct postgres_statement find = {
        "letters_find",
        "SELECT " LETTER_COLUMNS ", d.body FROM dead_letters d WHERE dead_letter_id = $1::int8",
    };
    static const struct postgres_statement units = {
        "letters_find_units",
        UNITS_SQL "= $1::int8",
    };
    struct postgres_parameter parameter = postgres_int8(arena, letter_id);
    postgres_link_add(link, &find, &parameter, 1);
    postgres_link_add(link, &units, &parameter, 1);
    const struct postgres_result *const *results;
    size_t count = 0;
    *letter_out = NULL;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status == STATUS_OK) {
        status = read_letters(results[0], results[1], arena, letter_out, &count, failure);
    }
    *letter_out = count == 1 ? *letter_out : NULL;
    return status;
}

static enum status read_letters(const struct postgres_result *letters,
                                const struct postgres_result *units, struct arena *arena,
                                struct letter **letters_out, size_t *count_out,
                                struct failure *failure)
{
    size_t count = postgres_result_rows(letters);
    struct letter *rows = arena_calloc(arena, count, sizeof *rows);
    if (rows == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        struct letter *row = &rows[i];
        struct bytes body = postgres_result_bytes(letters, i, 9);
        *row = (struct letter){
            .letter_id = postgres_result_int(letters, i, 0),
            .state = (enum letter_state)postgres_result_int(letters, i, 1),
            .create_time_us = postgres_result_unix_us(letters, i, 2),
            .decide_time_us = postgres_result_unix_us(letters, i, 3),
            .reason = arena_strdup(arena, postgres_result_text(letters, i, 4)),
            .message = arena_strdup(arena, postgres_result_text(letters, i, 5)),
            .routing_key = arena_strdup(arena, postgres_result_text(letters, i, 6)),
            .decide_actor = arena_strdup(arena, postgres_result_text(letters, i, 7)),
            .event_id = arena_strdup(arena, postgres_result_text(letters, i, 8)),
            .body = arena_copy(arena, body),
        };
        if (row->reason == NULL || row->message == NULL || row->routing_key == NULL ||
            row->decide_actor == NULL || row->event_id == NULL ||
            (row->body.data == NULL && body.size > 0) || !read_units(units, arena, row)) {
            return refuse_overloaded(failure);
        }
    }
    *letters_out = rows;
    *count_out = count;
    return STATUS_OK;
}

static bool read_units(const struct postgres_result *units, struct arena *arena,
                       struct letter *letter)
{
    size_t rows = postgres_result_rows(units);
    letter->units = arena_calloc(arena, rows, sizeof *letter->units);
    for (size_t i = 0; i < rows; i++) {
        if (postgres_result_int(units, i, 0) != letter->letter_id) {
            continue;
        }
        const char *id = arena_strdup(arena, postgres_result_text(units, i, 1));
        if (letter->units == NULL || id == NULL) {
            return false;
        }
        letter->units[letter->unit_count++] =
            (struct letter_units){id, postgres_result_int(units, i, 2)};
    }
    return true;
}

/* The lock keeps the next epoch from beginning meanwhile: either its stock has the units, or the
 * delta brings them. */
enum status letters_decide(struct postgres_link *link, const char *shard, int64_t letter_id,
                           enum letter_state state, const char *actor, struct arena *arena,
                           int64_t deadline_ms, struct failure *failure)
{
    static const struct postgres_statement lock = {
        "letters_lock", "SELECT epoch FROM control WHERE shard = $1::text FOR SHARE"};
    static const struct postgres_statement requeue = {
        "letters_requeue",
        "UPDATE dead_letters SET state = 1, decide_time = now(), decide_actor = $2::text"
        " WHERE dead_letter_id = $1::int8 AND state = 0",
    };
    static const struct postgres_statement discard = {
        "letters_discard",
        "WITH gone AS (UPDATE dead_letters SET state = 2, decide_time = now(),"
        "  decide_actor = $2::text WHERE dead_letter_id = $1::int8 AND state = 0"
        "  RETURNING dead_letter_id, event_id, epoch),"
        " freed AS (DELETE FROM dead_letter_units u USING gone"
        "  WHERE u.dead_letter_id = gone.dead_letter_id RETURNING u.product_id, u.quantity),"
        " told AS (INSERT INTO stock_deltas (epoch, product_id, quantity)"
        "  SELECT c.epoch, f.product_id, f.quantity FROM freed f"
        "  JOIN control c ON c.shard = $3::text)"
        " INSERT INTO double_reservations (event_id, subject_id, epoch, event_time)"
        "  SELECT event_id, event_id, coalesce(epoch, 0), now() FROM gone"
        "  WHERE event_id IS NOT NULL ON CONFLICT DO NOTHING",
    };
    struct postgres_parameter parameters[] = {
        postgres_int8(arena, letter_id),
        postgres_text(actor),
        postgres_text(shard),
    };
    bool requeues = state == LETTER_REQUEUED;
    postgres_link_add(
        link, &(struct postgres_statement){NULL, "BEGIN ISOLATION LEVEL READ COMMITTED"}, NULL, 0);
    postgres_link_add(link, &lock, &parameters[2], 1);
    postgres_link_add(link, requeues ? &requeue : &discard, parameters, requeues ? 2 : 3);
    postgres_link_add(link, &(struct postgres_statement){NULL, "COMMIT"}, NULL, 0);
    const struct postgres_result *const *results;
    return postgres_link_flush(link, deadline_ms, &results, failure);
}
