/* See postgres_link.h. libpq in pipeline mode, never blocking: a server that stopped answering
 * holds its caller no longer than the deadline. Connecting is in postgres_connect.c, what a failure
 * means in postgres_outcome.c, reading results in postgres_result.c. */
#include "postgres/postgres_link.h"

#include <assert.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_exchange.h"
#include "postgres/postgres_inside.h"

#define IDLE_TIMEOUT_LEAST_MS 10000 /* a frozen client lets go of its locks after this */
#define CONNECTION_CHECK_MS   5000  /* a statement ends when its client is gone */
#define FIRST_ROOM            16
#define OPTIONS_BYTES         512

static char *make_server_options(const struct postgres_link_options *options);
static void clear(struct postgres_link *link);
static bool make_room(struct postgres_link *link);
static enum status flush_pipeline(struct postgres_link *link, int64_t deadline_ms,
                                  struct failure *failure);

struct postgres_link *postgres_link_create(const struct postgres_link_options *options)
{
    struct postgres_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->url = strdup(options->url);
    link->application_name =
        strdup(options->application_name != NULL ? options->application_name : "");
    link->server_options = make_server_options(options);
    link->connect_timeout_ms = options->connect_timeout_ms;
    link->statement_timeout_ms = options->statement_timeout_ms;
    link->target = options->any_server ? "any" : "read-write";
    link->clock = options->clock;
    if (link->url == NULL || link->application_name == NULL || link->server_options == NULL ||
        !make_room(link)) {
        postgres_link_destroy(&link);
    }
    return link;
}

/* Ours, then those of the URL, which win. Locks wait for half of what a statement may take, so that
 * the failure says which it was. */
static char *make_server_options(const struct postgres_link_options *options)
{
    PQconninfoOption *parts = PQconninfoParse(options->url, NULL);
    const char *own = "";
    for (PQconninfoOption *part = parts; part != NULL && part->keyword != NULL; part++) {
        if (strcmp(part->keyword, "options") == 0 && part->val != NULL) {
            own = part->val;
        }
    }
    int64_t idle_ms = 2 * options->statement_timeout_ms;
    char *text = malloc(OPTIONS_BYTES + strlen(own));
    if (text != NULL) {
        (void)snprintf(text, OPTIONS_BYTES + strlen(own),
                       "-c statement_timeout=%" PRId64 " -c lock_timeout=%" PRId64
                       " -c idle_in_transaction_session_timeout=%" PRId64
                       " -c client_connection_check_interval=%d %s",
                       options->statement_timeout_ms, options->statement_timeout_ms / 2,
                       idle_ms > IDLE_TIMEOUT_LEAST_MS ? idle_ms : IDLE_TIMEOUT_LEAST_MS,
                       CONNECTION_CHECK_MS, own);
    }
    PQconninfoFree(parts);
    return text;
}

void postgres_link_destroy(struct postgres_link **link)
{
    if (*link == NULL) {
        return;
    }
    postgres_disconnect(*link);
    clear(*link);
    free((*link)->url);
    free((*link)->application_name);
    free((*link)->server_options);
    free((void *)(*link)->prepared);
    free((*link)->pending);
    free((*link)->results);
    free((void *)(*link)->views);
    free(*link);
    *link = NULL;
}

enum status postgres_link_ready(struct postgres_link *link, struct failure *failure)
{
    return postgres_connect(link, clock_monotonic_ms(link->clock) + link->connect_timeout_ms,
                            failure);
}

const char *postgres_link_detail(const struct postgres_link *link)
{
    return link->detail;
}

/* ---- the pipeline ---- */

void postgres_link_add(struct postgres_link *link, const struct postgres_statement *statement,
                       const struct postgres_parameter *parameters, size_t count)
{
    assert(count <= POSTGRES_PARAMETERS_MAX);
    if (link->flushed) {
        clear(link);
    }
    if (!make_room(link)) {
        link->out_of_memory = true;
        return;
    }
    bool failed = false;
    for (size_t i = 0; i < count; i++) {
        failed = failed || parameters[i].failed || parameters[i].value.size > INT32_MAX;
    }
    link->out_of_memory = link->out_of_memory || failed;
    link->pending[link->count] = (struct postgres_pending){
        .statement = statement, .parameters = parameters, .parameter_count = count};
    link->results[link->count].result = NULL;
    link->count++;
}

static void clear(struct postgres_link *link)
{
    for (size_t i = 0; i < link->count; i++) {
        PQclear(link->results[i].result);
    }
    link->count = 0;
    link->flushed = false;
    link->out_of_memory = false;
}

/* For one more statement. */
static bool make_room(struct postgres_link *link)
{
    if (link->count < link->room) {
        return true;
    }
    size_t room = link->room > 0 ? 2 * link->room : FIRST_ROOM;
    struct postgres_pending *pending = realloc(link->pending, room * sizeof *pending);
    if (pending != NULL) {
        link->pending = pending;
    }
    struct postgres_result *results = realloc(link->results, room * sizeof *results);
    if (results != NULL) {
        link->results = results;
    }
    const struct postgres_result **views = realloc((void *)link->views, room * sizeof *views);
    if (views != NULL) {
        link->views = views;
    }
    if (pending == NULL || results == NULL || views == NULL) {
        return false;
    }
    link->room = room;
    return true;
}

enum status postgres_link_flush(struct postgres_link *link, int64_t deadline_ms,
                                const struct postgres_result *const **results_out,
                                struct failure *failure)
{
    if (link->flushed) {
        clear(link);
    }
    if (deadline_ms <= 0) {
        deadline_ms = clock_monotonic_ms(link->clock) + 2 * link->statement_timeout_ms;
    }
    link->detail[0] = '\0';
    enum status status = flush_pipeline(link, deadline_ms, failure);
    link->flushed = true;
    if (status != STATUS_OK) {
        postgres_link_rollback(link);
        return status;
    }
    for (size_t i = 0; i < link->count; i++) {
        link->views[i] = &link->results[i];
    }
    *results_out = link->views;
    return STATUS_OK;
}

static enum status flush_pipeline(struct postgres_link *link, int64_t deadline_ms,
                                  struct failure *failure)
{
    if (link->out_of_memory) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for what was to be sent to PostgreSQL; nothing was sent");
    }
    enum status status = postgres_connect(link, deadline_ms, failure);
    return status == STATUS_OK && link->count > 0 ? postgres_exchange(link, deadline_ms, failure)
                                                  : status;
}

enum status postgres_link_query(struct postgres_link *link,
                                const struct postgres_statement *statement,
                                const struct postgres_parameter *parameters, size_t count,
                                int64_t deadline_ms, const struct postgres_result **result_out,
                                struct failure *failure)
{
    assert(link->count == 0 || link->flushed);
    postgres_link_add(link, statement, parameters, count);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status == STATUS_OK) {
        *result_out = results[0];
    }
    return status;
}

void postgres_link_rollback(struct postgres_link *link)
{
    if (link->in_transaction && !postgres_exchange_rollback(link)) {
        postgres_disconnect(link); /* which rolls back, too */
    }
}
