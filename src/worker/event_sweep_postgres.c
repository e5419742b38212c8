/* Event store on PostgreSQL: what is left behind. See event_store.h. Deltas that Redis was told are
 * forgotten, those of writers that died are found, and what is too old to be asked for goes:
 * entries of the feed, and of what limits count. */
#include "worker/event_store_inside.h"
#include "worker/event_store_sql.h"

enum status event_store_forget_deltas(struct event_store *store, const struct book_delta *deltas,
                                      size_t count, struct failure *failure)
{
    (void)event_rows_add(&store->rows, &SQL_BEGIN, NULL, 0);
    (void)event_rows_add(&store->rows, &SQL_ASYNC, NULL, 0);
    event_rows_add_forget(&store->rows, deltas, count);
    return event_store_commit(store, failure);
}

enum status event_store_sweep_begin(struct event_store *store, int64_t age_ms, size_t most,
                                    struct event_sweep *sweep_out, struct failure *failure)
{
    event_store_start(store);
    struct postgres_parameter parameters[] = {
        postgres_int8(&store->arena, age_ms),
        postgres_int8(&store->arena, (int64_t)most),
    };
    struct postgres_parameter shard = postgres_text(store->shard);
    (void)event_rows_add(&store->rows, &SQL_BEGIN, NULL, 0);
    size_t epoch = event_rows_add(&store->rows, &SQL_EPOCH, &shard, 1);
    size_t found = event_rows_add(&store->rows, &SQL_SWEEP, parameters, 2);
    enum status status = event_store_exchange(store, failure);
    struct event_sweep sweep = {0};
    if (status == STATUS_OK) {
        status = event_store_read_epoch(store->results[epoch], &sweep.epoch, failure);
    }
    if (status == STATUS_OK) {
        status = event_store_read_deltas(store, found, &sweep.deltas, &sweep.count, failure);
    }
    if (status != STATUS_OK) {
        postgres_link_rollback(store->link);
        return status;
    }
    store->sweep = sweep;
    *sweep_out = sweep;
    return STATUS_OK;
}

enum status event_store_sweep_end(struct event_store *store, bool applied, struct failure *failure)
{
    if (!applied) {
        postgres_link_rollback(store->link);
        return STATUS_OK;
    }
    event_rows_add_forget(&store->rows, store->sweep.deltas, store->sweep.count);
    (void)event_rows_add(&store->rows, &SQL_TRIM_FEED, NULL, 0);
    (void)event_rows_add(&store->rows, &SQL_TRIM_LIMITED, NULL, 0);
    return event_store_commit(store, failure);
}
