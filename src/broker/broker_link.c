/* See broker_link.h. */
#include "broker/broker_link.h"

#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#include <stdio.h>

#include "broker/broker_address.h"
#include "broker/broker_topology.h"

#define BACKOFF_BASE_MS 50
#define BACKOFF_MOST_MS 2000
#define STABLE_MS       5000 /* a connection that lived this long was a good one */
#define GOODBYE_MS      1000
/* Waiting ends by itself at its deadline; the watchdog is for the heartbeat that waiting may send.
 */
#define WAIT_SLACK_MS 500
#define FRAME_BYTES   131072 /* RabbitMQ's own default */

static enum status connect_until(struct broker_link *link, int64_t deadline_ms,
                                 struct failure *failure);
static enum status open_socket(struct broker_link *link, const struct broker_address *address,
                               int64_t deadline_ms, struct failure *failure);
static enum status log_in(struct broker_link *link, const struct broker_address *address,
                          int64_t deadline_ms, struct failure *failure);
static enum status check_reply(struct broker_link *link, amqp_rpc_reply_t reply, const char *doing,
                               struct failure *failure);
static bool is_full(const char *said);
static enum status broken(struct broker_link *link, enum status code, const char *reason,
                          struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static enum status closed_by_broker(struct broker_link *link, amqp_method_t method,
                                    const char *doing, struct failure *failure);
static void drop(struct broker_link *link);

bool broker_link_init(struct broker_link *link, const struct broker_options *options)
{
    *link = (struct broker_link){.options = *options};
    link->watchdog = broker_watchdog_create();
    return link->watchdog != NULL;
}

void broker_link_fini(struct broker_link *link)
{
    broker_link_close(link);
    broker_resolver_fini(&link->resolver);
    broker_watchdog_destroy(&link->watchdog);
}

enum status broker_link_open(struct broker_link *link, int64_t deadline_ms, struct failure *failure)
{
    if (link->connection != NULL) {
        return STATUS_OK;
    }
    int64_t now_ms = broker_link_now_ms(link);
    if (now_ms < link->next_attempt_ms) {
        link->last.retry_delay_ms = link->next_attempt_ms - now_ms;
        if (failure != NULL) {
            *failure = link->last;
        }
        return link->last.code;
    }
    if (deadline_ms <= now_ms) {
        return failure_set(failure, STATUS_DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED",
                           "no time left to connect to RabbitMQ");
    }
    int64_t latest_ms = now_ms + link->options.connect_timeout_ms;
    if (deadline_ms > latest_ms) {
        deadline_ms = latest_ms;
    }
    enum status status = connect_until(link, deadline_ms, failure);
    if (status == STATUS_OK && link->options.queue != NULL) {
        broker_link_arm(link, deadline_ms);
        status = broker_topology_declare(link, failure);
        broker_link_disarm(link);
    }
    return status;
}

void broker_link_close(struct broker_link *link)
{
    if (link->connection == NULL) {
        return;
    }
    if (!link->blocked) {
        struct timeval timeout = {.tv_sec = GOODBYE_MS / 1000};
        (void)amqp_set_rpc_timeout(link->connection, &timeout);
        broker_link_arm(link, broker_link_now_ms(link) + GOODBYE_MS);
        (void)amqp_connection_close(link->connection, AMQP_REPLY_SUCCESS);
        broker_link_disarm(link);
    }
    drop(link);
}

enum status broker_link_break(struct broker_link *link, const struct failure *failure)
{
    int64_t now_ms = broker_link_now_ms(link);
    if (link->connection != NULL && now_ms - link->connected_ms >= STABLE_MS) {
        link->attempts = 0;
    }
    drop(link);
    link->last = *failure;
    link->next_attempt_ms = now_ms + clock_backoff_ms(link->options.clock, link->attempts++,
                                                      BACKOFF_BASE_MS, BACKOFF_MOST_MS);
    return failure->code;
}

enum status broker_link_frame(struct broker_link *link, int64_t wait_until_ms,
                              amqp_frame_t *frame_out, bool *got_out, struct failure *failure)
{
    for (;;) {
        amqp_maybe_release_buffers(link->connection);
        struct timeval timeout = broker_link_left(link, wait_until_ms);
        broker_watchdog_arm(link->watchdog,
                            timeout.tv_sec * 1000 + timeout.tv_usec / 1000 + WAIT_SLACK_MS);
        int result = amqp_simple_wait_frame_noblock(link->connection, frame_out, &timeout);
        broker_link_disarm(link);
        *got_out = false;
        if (result == AMQP_STATUS_TIMEOUT) {
            return STATUS_OK;
        }
        if (result != AMQP_STATUS_OK) {
            return broker_link_sent(link, result, "waiting", failure);
        }
        if (frame_out->frame_type != AMQP_FRAME_METHOD) {
            *got_out = true;
            return STATUS_OK;
        }
        switch (frame_out->payload.method.id) {
        case AMQP_CONNECTION_BLOCKED_METHOD:
            link->blocked = true;
            return STATUS_OK;
        case AMQP_CONNECTION_UNBLOCKED_METHOD:
            link->blocked = false;
            break;
        case AMQP_CONNECTION_CLOSE_METHOD:
        case AMQP_CHANNEL_CLOSE_METHOD:
            return closed_by_broker(link, frame_out->payload.method, "", failure);
        default:
            *got_out = true;
            return STATUS_OK;
        }
    }
}

void broker_link_arm(struct broker_link *link, int64_t deadline_ms)
{
    broker_watchdog_arm(link->watchdog, deadline_ms - broker_link_now_ms(link));
}

void broker_link_disarm(struct broker_link *link)
{
    (void)broker_watchdog_disarm(link->watchdog);
}

enum status broker_link_sent(struct broker_link *link, int result, const char *doing,
                             struct failure *failure)
{
    if (result >= 0) {
        return STATUS_OK;
    }
    return broken(link, STATUS_UNAVAILABLE, "BROKER_UNAVAILABLE", failure,
                  "RabbitMQ: the connection broke while %s: %s", doing, amqp_error_string2(result));
}

enum status broker_link_replied(struct broker_link *link, const char *doing,
                                struct failure *failure)
{
    return check_reply(link, amqp_get_rpc_reply(link->connection), doing, failure);
}

static enum status connect_until(struct broker_link *link, int64_t deadline_ms,
                                 struct failure *failure)
{
    struct broker_address address = {0};
    struct failure why;
    enum status status = broker_address_init(link->options.url, &address, &why);
    if (status == STATUS_OK) {
        status = broker_resolver_check(&link->resolver, address.host, deadline_ms,
                                       link->options.clock, &why);
    }
    if (status != STATUS_OK) {
        broker_address_fini(&address);
        if (failure != NULL) {
            *failure = why;
        }
        return broker_link_break(link, &why);
    }
    link->connection = amqp_new_connection();
    link->connected_ms = broker_link_now_ms(link);
    link->blocked = false;
    status = open_socket(link, &address, deadline_ms, failure);
    if (status == STATUS_OK) {
        status = log_in(link, &address, deadline_ms, failure);
    }
    broker_address_fini(&address);
    if (status == STATUS_OK) {
        link->generation++;
    }
    return status;
}

static enum status open_socket(struct broker_link *link, const struct broker_address *address,
                               int64_t deadline_ms, struct failure *failure)
{
    amqp_socket_t *socket = NULL;
    if (link->connection != NULL && address->tls) {
        socket = amqp_ssl_socket_new(link->connection);
    } else if (link->connection != NULL) {
        socket = amqp_tcp_socket_new(link->connection);
    }
    if (socket == NULL) {
        return broken(link, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", failure, "out of memory");
    }
    if (address->tls) {
        (void)amqp_ssl_socket_enable_default_verify_paths(socket);
        (void)amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
    }
    struct timeval timeout = broker_link_left(link, deadline_ms);
    int result = amqp_socket_open_noblock(socket, address->host, address->port, &timeout);
    if (result == AMQP_STATUS_OK &&
        !broker_watchdog_watch(link->watchdog, amqp_get_sockfd(link->connection))) {
        return broken(link, STATUS_UNAVAILABLE, "OUT_OF_FILES", failure, "out of file descriptors");
    }
    return broker_link_sent(link, result, "connecting", failure);
}

/* The capabilities matter: without them RabbitMQ does not say that it has blocked the connection or
 * cancelled a consumer. */
static enum status log_in(struct broker_link *link, const struct broker_address *address,
                          int64_t deadline_ms, struct failure *failure)
{
    static const char *const CAPABILITIES[] = {"connection.blocked", "consumer_cancel_notify",
                                               "publisher_confirms", "basic.nack"};
    amqp_table_entry_t capabilities[sizeof CAPABILITIES / sizeof *CAPABILITIES];
    int count = 0;
    for (; count < (int)(sizeof CAPABILITIES / sizeof *CAPABILITIES); count++) {
        capabilities[count] =
            (amqp_table_entry_t){.key = broker_text(CAPABILITIES[count]),
                                 .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
    }
    amqp_table_entry_t properties[] = {
        {.key = broker_text("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE,
                   .value.table = {.num_entries = count, .entries = capabilities}}},
        {.key = broker_text("connection_name"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8,
                   .value.bytes = broker_text(link->options.connection_name)}}};
    amqp_table_t table = {.num_entries = 2, .entries = properties};
    struct timeval timeout = broker_link_left(link, deadline_ms);
    (void)amqp_set_handshake_timeout(link->connection, &timeout);
    (void)amqp_set_rpc_timeout(link->connection, &timeout);

    broker_link_arm(link, deadline_ms);
    amqp_rpc_reply_t reply =
        amqp_login_with_properties(link->connection, address->vhost, AMQP_DEFAULT_MAX_CHANNELS,
                                   FRAME_BYTES, (int)link->options.heartbeat_s, &table,
                                   AMQP_SASL_METHOD_PLAIN, address->user, address->password);
    enum status status = check_reply(link, reply, "logging in", failure);
    if (status == STATUS_OK) {
        (void)amqp_channel_open(link->connection, BROKER_CHANNEL);
        status = broker_link_replied(link, "opening a channel", failure);
    }
    broker_link_disarm(link);
    return status;
}

static enum status check_reply(struct broker_link *link, amqp_rpc_reply_t reply, const char *doing,
                               struct failure *failure)
{
    switch (reply.reply_type) {
    case AMQP_RESPONSE_NORMAL:
        return STATUS_OK;
    case AMQP_RESPONSE_SERVER_EXCEPTION:
        return closed_by_broker(link, reply.reply, doing, failure);
    case AMQP_RESPONSE_LIBRARY_EXCEPTION:
        return broker_link_sent(link, reply.library_error, doing, failure);
    case AMQP_RESPONSE_NONE:
    default:
        return broker_link_sent(link, AMQP_STATUS_CONNECTION_CLOSED, doing, failure);
    }
}

static enum status closed_by_broker(struct broker_link *link, amqp_method_t method,
                                    const char *doing, struct failure *failure)
{
    int code = 0;
    amqp_bytes_t text = amqp_empty_bytes;
    if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close = method.decoded;
        code = close->reply_code;
        text = close->reply_text;
    } else if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = method.decoded;
        code = close->reply_code;
        text = close->reply_text;
    }
    /* The text is in the connection's memory, which goes before the failure is written. */
    char said[256]; /* all that AMQP lets it say */
    (void)snprintf(said, sizeof said, "%.*s", (int)text.len, (const char *)text.bytes);
    if (code == AMQP_PRECONDITION_FAILED && strncmp(doing, "declaring", 9) == 0) {
        return broken(link, STATUS_FAILED_PRECONDITION, "BROKER_TOPOLOGY_DIFFERS", failure,
                      "%s: it exists with other arguments. Empty and delete it, or configure "
                      "another name or the same limits everywhere. RabbitMQ says: %s",
                      doing, said);
    }
    if (code == AMQP_ACCESS_REFUSED || (code == AMQP_NOT_ALLOWED && !is_full(said))) {
        return broken(link, STATUS_PERMISSION_DENIED, "BROKER_ACCESS_REFUSED", failure,
                      "RabbitMQ refuses while %s: check user, password, vhost and permissions. "
                      "It says: %s",
                      doing, said);
    }
    return broken(link, STATUS_UNAVAILABLE, "BROKER_UNAVAILABLE", failure,
                  "RabbitMQ closed the connection (%d)%s%s: %s", code, *doing ? " while " : "",
                  doing, said);
}

/* A limit of a vhost, a user or a node: NOT_ALLOWED as well, but others' connections end, too. Seen
 * of RabbitMQ 4.0, which tells them apart by these words only. */
static bool is_full(const char *said)
{
    return strstr(said, "limit (") != NULL && strstr(said, "is reached") != NULL;
}

static enum status broken(struct broker_link *link, enum status code, const char *reason,
                          struct failure *failure, const char *format, ...)
{
    char message[FAILURE_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct failure why;
    (void)failure_set(&why, code, reason, "%s", message);
    if (failure != NULL) {
        *failure = why;
    }
    return broker_link_break(link, &why);
}

static void drop(struct broker_link *link)
{
    broker_watchdog_forget(link->watchdog);
    if (link->connection != NULL) {
        (void)amqp_destroy_connection(link->connection);
    }
    link->connection = NULL;
    link->blocked = false;
}
