/* Control over PostgreSQL. See control.h. */
#include <stdio.h>

#include "base/log.h"
#include "postgres/postgres_array.h"
#include "server/control.h"
#include "server/control_rules.h"
#include "server/refusals.h"

/* The opener's lock: an advisory one. $1 is the shard. */
#define LOCK_TRY_SQL "SELECT pg_try_advisory_lock(740101, hashtext($1::text))::int4"
#define LOCK_IS_THIS_SQL                                                          \
    "l.locktype = 'advisory' AND l.granted AND l.classid = 740101 AND l.objid = " \
    "(hashtext($1::text)::int8 & 4294967295)::oid AND l.database = "              \
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
/* 1 when this very session holds it: a connection that was made anew does not. */
#define LOCK_HELD_SQL \
    "SELECT count(*)::int4 FROM pg_locks l WHERE l.pid = pg_backend_pid() AND " LOCK_IS_THIS_SQL
/* Held exclusively, it keeps workers from the queue; they take it shared. */
#define QUIET_TRY_SQL "SELECT pg_try_advisory_lock(740102, hashtext($1::text))::int4"
#define QUIET_END_SQL "SELECT pg_advisory_unlock(740102, hashtext($1::text))::int4"

/* The PostgreSQL that answers. Any role may ask. */
#define NAME_SQL                                                        \
    "(SELECT system_identifier || '/' || "                              \
    "left(pg_walfile_name(pg_current_wal_lsn()), 8) || '/' || "         \
    "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8 " \
    "FROM pg_control_system())"

/* Changes that wait for a version that nobody has any more: what was accepted before the queue was
 * empty is stored, so it went with Redis, and no caller was told that either was safe. Applied to
 * another change that takes that version they would be wrong, and in the way of the one that takes
 * theirs. What a dead letter that can still be stored may be waited for, waits on; and all of it
 * while a PostgreSQL has yet to get again what it lost ($1: the one that is known to have it). */
#define LAPSE_SQL                                                                        \
    "DELETE FROM order_events e USING (SELECT order_id, version, row_number() OVER "     \
    "(PARTITION BY order_id ORDER BY version) AS place FROM order_events "               \
    "WHERE outcome = 0) w LEFT JOIN orders o USING (order_id) "                          \
    "WHERE e.order_id = w.order_id AND e.version = w.version AND (o.version IS NULL OR " \
    "w.version <> o.version + w.place) AND NOT EXISTS (SELECT 1 FROM dead_letters d "    \
    "WHERE d.state IN (0, 1) AND d.reason <> 'CHANGE_GUARD' AND "                        \
    "position(convert_to(e.order_id::text, 'UTF8') IN "                                  \
    "d.body) > 0) AND $1::text IN ('', " NAME_SQL ") RETURNING e.order_id, e.version"

static enum status query_flag(struct postgres_link *link,
                              const struct postgres_statement *statement, const char *shard,
                              int64_t deadline_ms, bool *flag_out, struct failure *failure);
static enum status read_state(const struct postgres_result *result, struct control_state *state_out,
                              struct failure *failure);
static void log_lapsed(const struct postgres_result *result);
static enum status read_holds(const struct postgres_result *result, struct arena *arena,
                              struct control_stock *stock_out, struct failure *failure);
static enum status read_stock(const struct postgres_result *result, struct arena *arena,
                              struct book_take **stock_out, size_t *count_out,
                              struct failure *failure);

enum status control_read(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                         struct control_state *state_out, struct failure *failure)
{
    static const struct postgres_statement read = {
        "control_read",
        "SELECT epoch, update_time FROM control WHERE shard = $1::text",
    };
    struct postgres_parameter parameter = postgres_text(shard);
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &read, &parameter, 1, deadline_ms, &result, failure);
    return status != STATUS_OK ? status : read_state(result, state_out, failure);
}

static enum status read_state(const struct postgres_result *result, struct control_state *state_out,
                              struct failure *failure)
{
    if (postgres_result_rows(result) != 1) {
        return failure_set(failure, STATUS_INTERNAL, "SCHEMA_INCOMPLETE",
                           "table control has no row for this shard: apply the migrations");
    }
    state_out->epoch = postgres_result_int(result, 0, 0);
    state_out->update_time_us = postgres_result_unix_us(result, 0, 1);
    return STATUS_OK;
}

enum status control_try_lead(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                             bool *leads_out, struct failure *failure)
{
    static const struct postgres_statement try_lead = {
        "control_try_lead",
        LOCK_TRY_SQL,
    };
    return query_flag(link, &try_lead, shard, deadline_ms, leads_out, failure);
}

enum status control_leads(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                          bool *leads_out, struct failure *failure)
{
    static const struct postgres_statement leads = {
        "control_leads",
        LOCK_HELD_SQL,
    };
    return query_flag(link, &leads, shard, deadline_ms, leads_out, failure);
}

enum status control_ask_quiet(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                              bool *quiet_out, struct failure *failure)
{
    static const struct postgres_statement ask = {
        "control_ask_quiet",
        QUIET_TRY_SQL,
    };
    return query_flag(link, &ask, shard, deadline_ms, quiet_out, failure);
}

void control_end_quiet(struct postgres_link *link, const char *shard, int64_t deadline_ms)
{
    static const struct postgres_statement end = {
        "control_end_quiet",
        QUIET_END_SQL,
    };
    struct failure failure; /* see control_leave */
    bool ended;
    (void)query_flag(link, &end, shard, deadline_ms, &ended, &failure);
}

void control_leave(struct postgres_link *link, int64_t deadline_ms)
{
    static const struct postgres_statement leave = {
        "control_leave",
        "SELECT pg_advisory_unlock_all()",
    };
    struct failure failure; /* a session that cannot be told has ended, and its lock with it */
    const struct postgres_result *result;
    (void)postgres_link_query(link, &leave, NULL, 0, deadline_ms, &result, &failure);
}

enum status control_depose(struct postgres_link *link, const char *shard, int64_t silent_ms,
                           struct arena *arena, int64_t deadline_ms, bool *ended_out,
                           struct failure *failure)
{
    static const struct postgres_statement depose = {
        "control_depose",
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(l.pid))::int4"
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE " LOCK_IS_THIS_SQL " AND a.state LIKE 'idle%'"
        " AND a.state_change < clock_timestamp() - $2::bigint * interval '1 millisecond'",
    };
    struct postgres_parameter parameters[] = {
        postgres_text(shard),
        postgres_int8(arena, silent_ms),
    };
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &depose, parameters, 2, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        *ended_out = postgres_result_int(result, 0, 0) != 0;
    }
    return status;
}

static enum status query_flag(struct postgres_link *link,
                              const struct postgres_statement *statement, const char *shard,
                              int64_t deadline_ms, bool *flag_out, struct failure *failure)
{
    struct postgres_parameter parameter = postgres_text(shard);
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, statement, &parameter, 1, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        *flag_out = postgres_result_int(result, 0, 0) != 0;
    }
    return status;
}

enum status control_has_ready(struct postgres_link *link, int64_t deadline_ms, bool *ready_out,
                              struct failure *failure)
{
    static const struct postgres_statement has_ready = {
        "control_has_ready",
        "SELECT count(*)::int4 FROM (SELECT 1 FROM order_events e JOIN orders o USING (order_id)"
        " WHERE e.outcome = 0 AND e.version = o.version + 1 LIMIT 1) AS ready",
    };
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &has_ready, NULL, 0, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        *ready_out = postgres_result_int(result, 0, 0) != 0;
    }
    return status;
}

enum status control_advance(struct postgres_link *link, const char *shard,
                            const struct control_known *known, struct arena *arena,
                            int64_t deadline_ms, struct control_state *state_out,
                            struct control_stock *stock_out, struct failure *failure)
{
    /* The update waits for all who hold the row FOR SHARE, and keeps the next ones out: nobody
     * changes stock until the commit. */
    static const struct postgres_statement steps[] = {
        {NULL, "BEGIN ISOLATION LEVEL READ COMMITTED"},
        {"control_advance", "UPDATE control SET epoch = greatest(epoch, $2::int8) + 1, "
                            "update_time = now() WHERE shard = $1::text "
                            "RETURNING epoch, update_time"},
        {"control_void_deltas", "DELETE FROM stock_deltas WHERE epoch < "
                                "(SELECT epoch FROM control WHERE shard = $1::text)"},
        {"control_lapse", LAPSE_SQL},
        /* From now on they are of this epoch: its stock is loaded without their units. */
        {"control_keep_waiting", "UPDATE order_events SET epoch = (SELECT epoch FROM control "
                                 "WHERE shard = $1::text) WHERE outcome = 0"},
        {"control_read_stock", "SELECT product_id, " CONTROL_FREE " FROM stock s " CONTROL_TAKEN},
        {"control_read_holds", "SELECT order_id, expire_time FROM orders WHERE state = 1"},
        {"control_read_rules", CONTROL_READ_RULES_SQL},
        {"control_read_bought", CONTROL_READ_BOUGHT_SQL},
        {NULL, "COMMIT"},
    };
    enum { LAPSE = 3 };
    static const size_t takes[sizeof steps / sizeof steps[0]] = {0, 2, 1, 1, 1}; /* parameters */
    struct postgres_parameter parameters[] = {postgres_text(shard),
                                              postgres_int8(arena, known->highest)};
    struct postgres_parameter store = postgres_text(known->store);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        postgres_link_add(link, &steps[i], i == LAPSE ? &store : parameters, takes[i]);
    }
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status == STATUS_OK) {
        status = read_state(results[1], state_out, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *stock_out = (struct control_stock){0};
    log_lapsed(results[LAPSE]);
    status = read_stock(results[5], arena, &stock_out->stock, &stock_out->stock_count, failure);
    if (status == STATUS_OK) {
        status = read_holds(results[6], arena, stock_out, failure);
    }
    if (status == STATUS_OK) {
        status = control_read_rules(results[7], arena, stock_out, failure);
    }
    return status == STATUS_OK ? control_read_bought(results[8], arena, stock_out, failure)
                               : status;
}

/* All of them: they are few, and nothing else tells of them any more. */
static void log_lapsed(const struct postgres_result *result)
{
    for (size_t i = 0; i < postgres_result_rows(result); i++) {
        char order_id[UUID_TEXT_BYTES];
        struct uuid id = postgres_result_uuid(result, i, 0);
        uuid_print(&id, order_id);
        log_line(LOG_WARN, "lapsed: a change that waited for one that was lost", "order_id",
                 order_id, "version", LOG_INT(postgres_result_int(result, i, 1)), NULL);
    }
}

static enum status read_holds(const struct postgres_result *result, struct arena *arena,
                              struct control_stock *stock_out, struct failure *failure)
{
    size_t count = postgres_result_rows(result);
    stock_out->held = arena_alloc(arena, count * sizeof *stock_out->held);
    if (stock_out->held == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        stock_out->held[i] = (struct book_held){
            .order_id = postgres_result_uuid(result, i, 0),
            .end_unix_ms = postgres_result_unix_us(result, i, 1) / 1000,
        };
    }
    stock_out->held_count = count;
    return STATUS_OK;
}

static enum status read_stock(const struct postgres_result *result, struct arena *arena,
                              struct book_take **stock_out, size_t *count_out,
                              struct failure *failure)
{
    size_t count = postgres_result_rows(result);
    struct book_take *stock = arena_calloc(arena, count, sizeof *stock);
    if (stock == NULL && count > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        stock[i].product_id = arena_strdup(arena, postgres_result_text(result, i, 0));
        stock[i].quantity = postgres_result_int(result, i, 1);
        if (stock[i].product_id == NULL) {
            return refuse_overloaded(failure);
        }
    }
    *stock_out = stock;
    *count_out = count;
    return STATUS_OK;
}

enum status control_store_name(struct postgres_link *link, int64_t deadline_ms,
                               char name_out[BOOK_STORE_BYTES], struct failure *failure)
{
    static const struct postgres_statement name = {
        "control_store_name",
        "SELECT " NAME_SQL,
    };
    const struct postgres_result *result;
    enum status status = postgres_link_query(link, &name, NULL, 0, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        (void)snprintf(name_out, BOOK_STORE_BYTES, "%s", postgres_result_text(result, 0, 0));
    }
    return status;
}
