/* See postgres_inside.h. Connecting without blocking beyond a deadline, and not in a hurry: after a
 * failure the next attempt waits, and whoever asks in between is told so at once. */
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "postgres/postgres_inside.h"

#define RECONNECT_BASE_MS 50
#define RECONNECT_MOST_MS 2000
#define DRAIN_ROUNDS_MAX  4 /* a parting message and then the end of the stream */

static bool is_alive(struct postgres_link *link);
static PGconn *begin_connecting(const struct postgres_link *link);
static bool wait_connected(struct postgres_link *link, int64_t deadline_ms);
static void ignore_notice(void *argument, const PGresult *result);
static bool wait_on(int fd, short events, int64_t deadline_ms, const struct clock *clock);

enum status postgres_connect(struct postgres_link *link, int64_t deadline_ms,
                             struct failure *failure)
{
    if (link->connection != NULL && is_alive(link)) {
        return STATUS_OK;
    }
    bool lost_transaction = link->in_transaction;
    postgres_disconnect(link);
    if (lost_transaction) {
        return postgres_unavailable(failure, "the connection broke in a transaction", 0);
    }
    int64_t now_ms = clock_monotonic_ms(link->clock);
    if (now_ms < link->next_connect_ms) {
        return postgres_unavailable(failure, "connecting failed and is tried again shortly",
                                    link->next_connect_ms - now_ms);
    }
    if (deadline_ms > now_ms + link->connect_timeout_ms) {
        deadline_ms = now_ms + link->connect_timeout_ms;
    }
    link->connection = begin_connecting(link);
    if (link->connection != NULL && wait_connected(link, deadline_ms) &&
        PQsetnonblocking(link->connection, 1) == 0 && PQenterPipelineMode(link->connection) == 1) {
        (void)PQsetNoticeReceiver(link->connection, ignore_notice, NULL);
        link->failed_connects = 0;
        return STATUS_OK;
    }
    const char *why = link->connection != NULL ? PQerrorMessage(link->connection) : "";
    (void)snprintf(link->detail, sizeof link->detail, "cannot connect: %s",
                   *why != '\0' ? why : "timeout");
    postgres_disconnect(link);
    link->next_connect_ms =
        clock_monotonic_ms(link->clock) + clock_backoff_ms(link->clock, link->failed_connects++,
                                                           RECONNECT_BASE_MS, RECONNECT_MOST_MS);
    return postgres_unavailable(failure, "it cannot be connected to", RECONNECT_BASE_MS);
}

/* Between flushes nothing comes but parameter changes, a parting message and the end: noticed here,
 * before anything is sent, so that a restarted server costs no failure. */
static bool is_alive(struct postgres_link *link)
{
    struct pollfd waited = {.fd = PQsocket(link->connection), .events = POLLIN};
    for (int round = 0; round < DRAIN_ROUNDS_MAX; round++) {
        if (PQstatus(link->connection) != CONNECTION_OK) {
            return false;
        }
        if (poll(&waited, 1, 0) <= 0) {
            return true;
        }
        if (PQconsumeInput(link->connection) == 0) {
            (void)snprintf(link->detail, sizeof link->detail, "%s",
                           PQerrorMessage(link->connection));
            return false;
        }
        (void)PQisBusy(link->connection); /* parses what came */
    }
    return false;
}

/* In the array: what the URL may say otherwise, the URL, what it may not. server_options contains
 * the URL's own. */
static PGconn *begin_connecting(const struct postgres_link *link)
{
    char user_timeout_ms[24];
    (void)snprintf(user_timeout_ms, sizeof user_timeout_ms, "%" PRId64,
                   2 * link->statement_timeout_ms);
    const char *const keywords[] = {
        "target_session_attrs", "load_balance_hosts", "keepalives",       "keepalives_idle",
        "keepalives_interval",  "keepalives_count",   "tcp_user_timeout", "dbname",
        "application_name",     "client_encoding",    "options",          NULL,
    };
    const char *const values[] = {
        link->target,
        "random",
        "1",
        "15",
        "5",
        "3",
        user_timeout_ms,
        link->url,
        link->application_name,
        "UTF8",
        link->server_options,
        NULL,
    };
    return PQconnectStartParams(keywords, values, 1);
}

static bool wait_connected(struct postgres_link *link, int64_t deadline_ms)
{
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (PQstatus(link->connection) != CONNECTION_BAD) {
        short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_on(PQsocket(link->connection), events, deadline_ms, link->clock)) {
            return false;
        }
        wanted = PQconnectPoll(link->connection);
        if (wanted == PGRES_POLLING_OK || wanted == PGRES_POLLING_FAILED) {
            return wanted == PGRES_POLLING_OK;
        }
    }
    return false;
}

static void ignore_notice(void *argument, const PGresult *result)
{
    (void)argument;
    (void)result;
}

void postgres_disconnect(struct postgres_link *link)
{
    if (link->connection != NULL) {
        PQfinish(link->connection);
        link->connection = NULL;
    }
    link->prepared_count = 0;
    link->in_transaction = false;
}

bool postgres_wait(struct postgres_link *link, bool for_writing, int64_t deadline_ms)
{
    short events = for_writing ? POLLIN | POLLOUT : POLLIN;
    return wait_on(PQsocket(link->connection), events, deadline_ms, link->clock);
}

static bool wait_on(int fd, short events, int64_t deadline_ms, const struct clock *clock)
{
    struct pollfd waited = {.fd = fd, .events = events};
    for (;;) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms(clock);
        if (left_ms > INT_MAX) {
            left_ms = INT_MAX;
        }
        int ready = poll(&waited, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready >= 0 || errno != EINTR) {
            return ready > 0;
        }
    }
}
