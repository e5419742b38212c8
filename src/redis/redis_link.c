/* See redis_link.h. hiredis connects and parses; commands are formatted by redis_command.c into one
 * buffer, and replies become views in one arena, so that a pipeline of hundreds of commands costs
 * a few system calls and hardly an allocation. The socket is non-blocking: a Redis that stopped
 * reading or answering holds its caller no longer than the deadline. */
#include "redis/redis_link.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "redis/redis_command.h"
#include "redis/redis_reply.h"
#include "redis/redis_url.h"

#define RECONNECT_BASE_MS    50
#define RECONNECT_MOST_MS    2000
#define READ_BYTES           (64 * 1024)
#define KEEPALIVE_INTERVAL_S 15

struct redis_link {
    struct redis_url url;
    int64_t connect_timeout_ms, command_timeout_ms;
    const struct clock *clock;

    redisContext *context;    /* NULL: not connected */
    unsigned failed_connects; /* in a row */
    int64_t next_connect_ms;  /* not before */

    struct redis_commands commands;
    struct redis_replies replies; /* of the exchange under way or of the last one */
};

static enum status exchange(struct redis_link *link, int64_t deadline_ms, struct failure *failure);
static enum status connect_if_needed(struct redis_link *link, int64_t deadline_ms,
                                     struct failure *failure);
static bool is_out_of_step(const struct redis_link *link);
static const char *open_connection(struct redis_link *link, int64_t deadline_ms);
static const char *shake_hands(struct redis_link *link, int64_t deadline_ms);
static const char *find_refusal(const struct redis_link *link);
static void drop(struct redis_link *link);
static const char *run(struct redis_link *link, const struct redis_commands *commands,
                       int64_t deadline_ms, size_t *sent_out);
static const char *send_some(struct redis_link *link, const struct redis_commands *commands,
                             size_t *sent);
static const char *receive_some(struct redis_link *link);
static const char *wait_for(struct redis_link *link, short events, int64_t deadline_ms);
static enum status fail(struct failure *failure, enum status status, const char *why,
                        int64_t retry_ms);

enum status redis_link_create(const struct redis_link_options *options,
                              struct redis_link **link_out, struct failure *failure)
{
    struct redis_url url;
    enum status status = redis_url_parse(options->url, &url, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct redis_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for a Redis connection");
    }
    link->url = url;
    link->connect_timeout_ms = options->connect_timeout_ms;
    link->command_timeout_ms = options->command_timeout_ms;
    link->clock = options->clock;
    redis_replies_init(&link->replies);
    *link_out = link;
    return STATUS_OK;
}

void redis_link_destroy(struct redis_link **link)
{
    if (*link == NULL) {
        return;
    }
    if ((*link)->context != NULL) {
        redisFree((*link)->context);
    }
    redis_commands_fini(&(*link)->commands);
    redis_replies_fini(&(*link)->replies);
    free(*link);
    *link = NULL;
}

const struct clock *redis_link_clock(const struct redis_link *link)
{
    return link->clock;
}

void redis_link_add(struct redis_link *link, const struct bytes *arguments, size_t count)
{
    redis_commands_begin(&link->commands, count);
    for (size_t i = 0; i < count; i++) {
        redis_commands_put(&link->commands, arguments[i]);
    }
}

void redis_link_begin(struct redis_link *link, size_t argument_count)
{
    redis_commands_begin(&link->commands, argument_count);
}

void redis_link_put(struct redis_link *link, struct bytes argument)
{
    redis_commands_put(&link->commands, argument);
}

void redis_link_put_text(struct redis_link *link, const char *text)
{
    redis_commands_put(&link->commands, bytes_of_text(text));
}

void redis_link_put_int(struct redis_link *link, int64_t number)
{
    redis_commands_put_int(&link->commands, number);
}

void redis_link_put_joined(struct redis_link *link, struct bytes head, struct bytes tail)
{
    redis_commands_put_joined(&link->commands, head, tail);
}

void redis_link_add_text(struct redis_link *link, ...)
{
    va_list texts;
    va_start(texts, link);
    redis_commands_add_texts(&link->commands, texts);
    va_end(texts);
}

enum status redis_link_exchange(struct redis_link *link, int64_t deadline_ms,
                                const struct redis_reply **replies_out, struct failure *failure)
{
    assert(link->commands.missing == 0);
    if (deadline_ms <= 0) {
        deadline_ms = clock_monotonic_ms(link->clock) + link->command_timeout_ms;
    }
    enum status status = exchange(link, deadline_ms, failure);
    redis_commands_clear(&link->commands);
    if (status == STATUS_OK) {
        *replies_out = link->replies.all;
    }
    return status;
}

static enum status exchange(struct redis_link *link, int64_t deadline_ms, struct failure *failure)
{
    if (link->commands.failed) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for the Redis pipeline; nothing was sent");
    }
    enum status status = connect_if_needed(link, deadline_ms, failure);
    if (status != STATUS_OK) {
        return status;
    }
    size_t sent;
    const char *why = run(link, &link->commands, deadline_ms, &sent);
    if (why != NULL) {
        status = fail(failure, sent > 0 ? STATUS_UNKNOWN : STATUS_UNAVAILABLE, why, 0);
        drop(link);
        return status;
    }
    /* Behind a name that fails over, the next connection reaches the new primary. */
    if (redis_replies_have_error(&link->replies, "READONLY")) {
        drop(link);
    }
    return STATUS_OK;
}

/* ---- connecting ---- */

static enum status connect_if_needed(struct redis_link *link, int64_t deadline_ms,
                                     struct failure *failure)
{
    if (link->context != NULL && is_out_of_step(link)) {
        drop(link);
    }
    if (link->context != NULL) {
        return STATUS_OK;
    }
    int64_t now_ms = clock_monotonic_ms(link->clock);
    if (now_ms < link->next_connect_ms) {
        return fail(failure, STATUS_UNAVAILABLE, "connecting failed and is tried again shortly",
                    link->next_connect_ms - now_ms);
    }
    if (deadline_ms > now_ms + link->connect_timeout_ms) {
        deadline_ms = now_ms + link->connect_timeout_ms;
    }
    const char *why = open_connection(link, deadline_ms);
    if (why == NULL) {
        why = shake_hands(link, deadline_ms);
    }
    if (why == NULL) {
        link->failed_connects = 0;
        return STATUS_OK;
    }
    link->next_connect_ms =
        clock_monotonic_ms(link->clock) + clock_backoff_ms(link->clock, link->failed_connects++,
                                                           RECONNECT_BASE_MS, RECONNECT_MOST_MS);
    enum status status = fail(failure, STATUS_UNAVAILABLE, why, RECONNECT_BASE_MS);
    drop(link);
    return status;
}

/* Between exchanges nothing may come: the end of the stream (Redis restarted or closed an idle
 * connection) is noticed here, before anything is sent, so that it costs no UNKNOWN. */
static bool is_out_of_step(const struct redis_link *link)
{
    uint8_t byte;
    ssize_t got = recv(link->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static const char *open_connection(struct redis_link *link, int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_monotonic_ms(link->clock);
    if (left_ms <= 0) {
        return "no time was left to connect";
    }
    struct timeval timeout = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
    redisOptions options = {.connect_timeout = &timeout};
    if (link->url.host[0] != '\0') {
        REDIS_OPTIONS_SET_TCP(&options, link->url.host, link->url.port);
    } else {
        REDIS_OPTIONS_SET_UNIX(&options, link->url.path);
    }
    link->context = redisConnectWithOptions(&options);
    if (link->context == NULL) {
        return "out of memory";
    }
    if (link->context->err != 0) {
        return link->context->errstr;
    }
    redis_replies_attach(&link->replies, link->context->reader);
    if (link->url.host[0] != '\0') {
        (void)redisEnableKeepAliveWithInterval(link->context, KEEPALIVE_INTERVAL_S);
    }
    return NULL;
}

/* PING is always sent: what is wrong with a connection (too many clients, protected mode, a missing
 * password) shows before anything goes out on it whose outcome matters. */
static const char *shake_hands(struct redis_link *link, int64_t deadline_ms)
{
    struct redis_commands commands = {0};
    const struct redis_url *url = &link->url;
    bool has_user = url->user[0] != '\0';
    if (url->password[0] != '\0') {
        redis_commands_begin(&commands, has_user ? 3 : 2);
        redis_commands_put(&commands, bytes_of_text("AUTH"));
        if (has_user) {
            redis_commands_put(&commands, bytes_of_text(url->user));
        }
        redis_commands_put(&commands, bytes_of_text(url->password));
    }
    if (url->database != 0) {
        redis_commands_begin(&commands, 2);
        redis_commands_put(&commands, bytes_of_text("SELECT"));
        redis_commands_put_int(&commands, url->database);
    }
    redis_commands_begin(&commands, 1);
    redis_commands_put(&commands, bytes_of_text("PING"));
    size_t sent;
    const char *why = commands.failed ? "out of memory" : run(link, &commands, deadline_ms, &sent);
    redis_commands_fini(&commands);
    return why != NULL ? why : find_refusal(link);
}

/* What PING alone refuses for (MISCONF, LOADING, NOPERM, ...) is left to the commands that follow.
 */
static const char *find_refusal(const struct redis_link *link)
{
    static const char *const REFUSED =
        "it refused the connection (password, database, or too many clients)";
    for (size_t i = 0; i < link->replies.expected; i++) {
        const struct redis_reply *reply = &link->replies.all[i];
        bool is_ping = i + 1 == link->replies.expected;
        if (reply->type == REDIS_ERROR && !is_ping) {
            return REFUSED;
        }
        if (redis_reply_is_error(reply, "ERR") || redis_reply_is_error(reply, "NOAUTH") ||
            redis_reply_is_error(reply, "DENIED")) {
            return REFUSED;
        }
    }
    return NULL;
}

static void drop(struct redis_link *link)
{
    if (link->context != NULL) {
        redisFree(link->context);
        link->context = NULL;
    }
}

static enum status fail(struct failure *failure, enum status status, const char *why,
                        int64_t retry_ms)
{
    if (status == STATUS_UNKNOWN) {
        (void)failure_set(failure, status, "OUTCOME_UNKNOWN",
                          "Redis did not answer what was sent: %s", why);
    } else {
        (void)failure_set(failure, status, "STORE_UNAVAILABLE", "Redis is not available: %s", why);
    }
    failure_add(failure, "store", "redis");
    if (failure != NULL) {
        failure->retry_delay_ms = retry_ms;
    }
    return status;
}

/* ---- bytes out, bytes in ---- */

/* Sends all and receives a reply for each; NULL, or why not. */
static const char *run(struct redis_link *link, const struct redis_commands *commands,
                       int64_t deadline_ms, size_t *sent_out)
{
    *sent_out = 0;
    if (!redis_replies_begin(&link->replies, commands->count)) {
        return "out of memory";
    }
    while (link->replies.received < link->replies.expected) {
        const char *why = NULL;
        if (clock_monotonic_ms(link->clock) >= deadline_ms) {
            return "timeout";
        }
        if (*sent_out < commands->size) {
            why = send_some(link, commands, sent_out);
        }
        if (why == NULL) {
            why =
                wait_for(link, *sent_out < commands->size ? POLLIN | POLLOUT : POLLIN, deadline_ms);
        }
        if (why == NULL) {
            why = receive_some(link);
        }
        if (why != NULL) {
            return why;
        }
    }
    return NULL;
}

static const char *send_some(struct redis_link *link, const struct redis_commands *commands,
                             size_t *sent)
{
    while (*sent < commands->size) {
        ssize_t done = send(link->context->fd, commands->data + *sent, commands->size - *sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done >= 0) {
            *sent += (size_t)done;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return NULL;
        } else if (errno != EINTR) {
            return "the connection broke";
        }
    }
    return NULL;
}

static const char *wait_for(struct redis_link *link, short events, int64_t deadline_ms)
{
    struct pollfd waited = {.fd = link->context->fd, .events = events};
    for (;;) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms(link->clock);
        if (left_ms > INT_MAX) {
            left_ms = INT_MAX;
        }
        int ready = poll(&waited, 1, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0) {
            return NULL;
        }
        if (ready == 0) {
            return "timeout";
        }
        if (errno != EINTR) {
            return "poll failed";
        }
    }
}

static const char *receive_some(struct redis_link *link)
{
    char buffer[READ_BYTES];
    ssize_t got = recv(link->context->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? NULL
                                                                         : "the connection broke";
    }
    if (got == 0) {
        return "the connection was closed";
    }
    return redis_replies_take(&link->replies, link->context->reader, buffer, (size_t)got);
}
