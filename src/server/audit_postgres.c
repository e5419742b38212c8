/* Audit over PostgreSQL. See audit.h. */
#include "postgres/postgres_array.h"
#include "server/audit.h"
#include "server/movements_sql.h"
#include "server/refusals.h"

enum status audit_read(struct postgres_link *link, const char *shard, const char *after,
                       const char *only, size_t most, struct arena *arena, int64_t deadline_ms,
                       struct audit_product **products_out, size_t *count_out,
                       struct failure *failure)
{
    static const struct postgres_statement read = {
        "audit_read",
        "WITH s AS (SELECT product_id, on_hand - reserved - safety_stock AS free FROM stock"
        "  WHERE product_id > $1::text AND ($2::text = '' OR product_id = $2::text)"
        "  ORDER BY product_id LIMIT $3::int8),"
        " h AS (SELECT product_id, sum(quantity) AS held FROM (SELECT product_id, quantity"
        "  FROM dead_letter_units UNION ALL " MOVED_BY_WAITING
        "  AND e.epoch = (SELECT epoch FROM control WHERE shard = $4::text)) AS u GROUP BY 1),"
        " d AS (SELECT product_id, sum(greatest(quantity, 0)) AS up,"
        "         sum(least(quantity, 0)) AS down FROM stock_deltas"
        "  WHERE epoch = (SELECT epoch FROM control WHERE shard = $4::text) GROUP BY 1)"
        " SELECT product_id, (free - coalesce(held, 0) - coalesce(down, 0))::int8,"
        "        (free - coalesce(held, 0) - coalesce(up, 0))::int8"
        " FROM s LEFT JOIN h USING (product_id) LEFT JOIN d USING (product_id)"
        " ORDER BY product_id",
    };
    struct postgres_parameter parameters[] = {
        postgres_text(after),
        postgres_text(only),
        postgres_int8(arena, (int64_t)most),
        postgres_text(shard),
    };
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &read, parameters, 4, deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = postgres_result_rows(result);
    struct audit_product *products = arena_calloc(arena, count, sizeof *products);
    for (size_t i = 0; i < count; i++) {
        const char *id = arena_strdup(arena, postgres_result_text(result, i, 0));
        if (products == NULL || id == NULL) {
            return refuse_overloaded(failure);
        }
        products[i] = (struct audit_product){
            .product_id = id,
            .most = postgres_result_int(result, i, 1),
            .least = postgres_result_int(result, i, 2),
        };
    }
    *products_out = products;
    *count_out = count;
    return STATUS_OK;
}

enum status audit_read_waiting(struct postgres_link *link, size_t most, struct arena *arena,
                               int64_t deadline_ms, struct audit_waiting **waiting_out,
                               size_t *count_out, struct failure *failure)
{
    static const struct postgres_statement read = {
        "audit_read_waiting",
        "SELECT e.order_id, coalesce(o.version, 0), min(e.version), count(*), min(e.event_time)"
        " FROM order_events e LEFT JOIN orders o USING (order_id)"
        " WHERE e.outcome = 0 AND e.event_time < now() - $1::int8 * interval '1 ms'"
        " GROUP BY e.order_id, o.version ORDER BY 5, 1 LIMIT $2::int8",
    };
    struct postgres_parameter parameters[] = {postgres_int8(arena, AUDIT_WAITING_AGE_MS),
                                              postgres_int8(arena, (int64_t)most)};
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &read, parameters, 2, deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = postgres_result_rows(result);
    struct audit_waiting *waiting = arena_calloc(arena, count, sizeof *waiting);
    for (size_t i = 0; i < count; i++) {
        if (waiting == NULL) {
            return refuse_overloaded(failure);
        }
        waiting[i] = (struct audit_waiting){
            .order_id = postgres_result_uuid(result, i, 0),
            .version = (int32_t)postgres_result_int(result, i, 1),
            .waiting_version = (int32_t)postgres_result_int(result, i, 2),
            .waiting_count = postgres_result_int(result, i, 3),
            .since_us = postgres_result_unix_us(result, i, 4),
        };
    }
    *waiting_out = waiting;
    *count_out = count;
    return STATUS_OK;
}

/* The lock keeps the epoch: a delta of one that has ended would be lost, and need not be applied.
 */
enum status audit_repair(struct postgres_link *link, const char *shard, int64_t epoch,
                         const char *product_id, int64_t quantity, const char *actor,
                         struct arena *arena, int64_t deadline_ms, bool *done_out,
                         struct failure *failure)
{
    static const struct postgres_statement repair = {
        "audit_repair",
        "WITH c AS (SELECT epoch FROM control WHERE shard = $1::text AND epoch = $2::int8 FOR "
        "SHARE),"
        " r AS (INSERT INTO stock_repairs (actor, epoch, product_id, quantity)"
        "  SELECT $5::text, epoch, $3::text, $4::int8 FROM c RETURNING epoch)"
        " INSERT INTO stock_deltas (epoch, product_id, quantity)"
        " SELECT epoch, $3::text, $4::int8 FROM r RETURNING delta_id",
    };
    struct postgres_parameter parameters[] = {
        postgres_text(shard),           postgres_int8(arena, epoch), postgres_text(product_id),
        postgres_int8(arena, quantity), postgres_text(actor),
    };
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &repair, parameters, 5, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        *done_out = postgres_result_rows(result) == 1;
    }
    return status;
}
