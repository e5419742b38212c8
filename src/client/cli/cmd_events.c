/* orderctl events: follows what happens, as any other subscriber of the exchange would
 * (docs/EVENTS.md). Talks to RabbitMQ, not to a server. */
#include <assert.h>
#include <fnmatch.h>
#include <shop/v1/events.pb-c.h>
#include <stddef.h>
#include <string.h>

#include "base/stop.h"
#include "broker/broker_settings.h"
#include "client/cli/cells.h"
#include "client/cli/commands.h"
#include "client/cli/table.h"
#include "json/json_print.h"
#include "rpc/message.h"

#define URL_DEFAULT  "amqp://guest:guest@127.0.0.1:5672/"
#define TAP_PREFETCH 64
#define WAIT_MS      200 /* how soon Ctrl-C is noticed */
#define KEYS_MAX     16
#define MESSAGE_BYTES \
    (4 * 1024 * 1024) /* of a decoded message and its lines: BROKER_MESSAGE_*_MAX */
#define CONNECT_MS       3000
#define EVENT_TEXT_BYTES 256

struct tail_options {
    const char *keys, *url, *exchange;
    int64_t limit;
};

struct tail {
    struct cli *cli;
    struct broker_consumer *consumer;
    struct arena arena; /* of a message */
    struct table table;
    int64_t told, limit;
    uint64_t generation; /* of the connection that events came over before; 0: none yet */
};

static int tail_events(struct cli *cli, const void *values);
static size_t choose_keys(const char *patterns, const char **keys);
static int follow(struct tail *tail);
static enum status next(struct tail *tail, bool *got_out, struct failure *failure);
static void tell_message(struct tail *tail, const struct broker_delivery *delivery);
static void tell_event(struct tail *tail, const char *key, const Shop__V1__Event *event);
static void tell_line(struct tail *tail, const char *key, const Shop__V1__Event *event);
static void tell_json(struct tail *tail, const char *key, const Shop__V1__Event *event);

static const struct option TAIL_OPTIONS[] = {
    {.name = "key",
     .type = OPTION_TEXT,
     .offset = offsetof(struct tail_options, keys),
     .value = "PATTERN,...",
     .fallback = "*",
     .help = "only events whose key matches, such as order.* or stock.low,stock.back (default *)"},
    {.name = "limit",
     .type = OPTION_INT,
     .offset = offsetof(struct tail_options, limit),
     .value = "N",
     .fallback = "0",
     .least = 0,
     .most = INT64_MAX,
     .help = "end after so many events (default: Ctrl-C)"},
    {.name = "rabbitmq-url",
     .type = OPTION_TEXT,
     .offset = offsetof(struct tail_options, url),
     .value = "URL",
     .help = "where RabbitMQ is (default $RABBITMQ_URL, else " URL_DEFAULT ")"},
    {.name = "exchange",
     .type = OPTION_TEXT,
     .offset = offsetof(struct tail_options, exchange),
     .value = "NAME",
     .fallback = BROKER_DEFAULT_EXCHANGE,
     .help = "the exchange of the events (default " BROKER_DEFAULT_EXCHANGE ")"},
};
static_assert(sizeof(struct tail_options) <= CLI_VALUES_BYTES_MAX, "room for the options");

const struct cli_command COMMAND_EVENTS_TAIL = {
    .group = "events",
    .name = "tail",
    .arguments = "",
    .summary = "Follows events as they happen, from RabbitMQ.",
    .details =
        "  orderctl events tail --key 'order.*' -o json\n\n"
        "Shows what is published from now on, through a queue of its own that goes with it.\n"
        "While RabbitMQ is away events are missed, which is said. With -o json each line is\n"
        "an object with the routing key and a shop.v1.Event.",
    .options = TAIL_OPTIONS,
    .option_count = sizeof(TAIL_OPTIONS) / sizeof(TAIL_OPTIONS[0]),
    .run = tail_events,
};

static int tail_events(struct cli *cli, const void *values)
{
    static const struct table_column COLUMNS[] = {{"TIME (UTC)", TABLE_LEFT},
                                                  {"EVENT", TABLE_LEFT},
                                                  {"OF", TABLE_LEFT},
                                                  {"WHO", TABLE_LEFT},
                                                  {"WHAT", TABLE_LEFT}};
    const struct tail_options *options = values;
    const char *keys[KEYS_MAX];
    size_t key_count = choose_keys(options->keys, keys);
    if (key_count == 0) {
        return cli_usage(cli, "--key: no event has a key like '%s'", options->keys);
    }
    const char *url = options->url != NULL ? options->url : cli->environment->rabbitmq_url;
    const struct broker_options broker = {.url = url != NULL ? url : URL_DEFAULT,
                                          .exchange = options->exchange,
                                          .connect_timeout_ms = CONNECT_MS,
                                          .heartbeat_s = 10,
                                          .connection_name = "orderctl events tail",
                                          .clock = cli->environment->clock};
    if (cli->environment->stop_init != NULL) {
        (void)cli->environment->stop_init();
    } /* before there is a thread that would take the signals */
    struct tail tail = {.cli = cli, .limit = options->limit};
    tail.consumer = broker_consumer_create_tap(&broker, TAP_PREFETCH, keys, key_count);
    assert(tail.consumer != NULL);
    arena_init(&tail.arena, 64 * 1024, MESSAGE_BYTES);
    table_init(&tail.table, cli->out, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    int code = follow(&tail);
    table_fini(&tail.table);
    arena_fini(&tail.arena);
    broker_consumer_destroy(&tail.consumer);
    return code;
}

/* The exchange is direct: patterns are tried on all the keys there are. */
static size_t choose_keys(const char *patterns, const char **keys)
{
    static const char *const KNOWN[] = {
        BROKER_ROUTING_ORDER_CREATED,   BROKER_ROUTING_ORDER_CONFIRMED,
        BROKER_ROUTING_ORDER_CANCELLED, BROKER_ROUTING_ORDER_EXPIRED,
        BROKER_ROUTING_ORDER_FULFILLED, BROKER_ROUTING_STOCK_ADJUSTED,
        BROKER_ROUTING_STOCK_LOW,       BROKER_ROUTING_STOCK_BACK};
    static_assert(sizeof(KNOWN) / sizeof(KNOWN[0]) <= KEYS_MAX, "room for all keys");
    size_t count = 0;
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        bool chosen = false;
        for (const char *at = patterns; *at != '\0' && !chosen;) {
            char pattern[64];
            size_t size = strcspn(at, ",");
            snprintf(pattern, sizeof(pattern), "%.*s", (int)size, at);
            chosen = fnmatch(pattern, KNOWN[i], 0) == 0;
            at += size + (at[size] == ',' ? 1 : 0);
        }
        if (chosen) {
            keys[count++] = KNOWN[i];
        }
    }
    return count;
}

/* A RabbitMQ that is away at the start is a mistake; one that goes away comes back. */
static int follow(struct tail *tail)
{
    struct cli *cli = tail->cli;
    bool is_away = false;
    while (!stop_requested() && ferror(cli->out) == 0 &&
           (tail->limit == 0 || tail->told < tail->limit)) {
        struct failure failure;
        bool got;
        enum status status = next(tail, &got, &failure);
        if (status != STATUS_OK && tail->generation == 0) {
            return cli_fail(cli, &failure);
        }
        if (status != STATUS_OK) {
            if (!is_away) {
                fprintf(cli->err, "orderctl: RabbitMQ is away; events are missed: %s\n",
                        failure.message);
            }
            is_away = true;
            (void)stop_wait(WAIT_MS);
            continue;
        }
        if (is_away) {
            fputs("orderctl: RabbitMQ is back\n", cli->err);
            is_away = false;
        }
        if (tail->generation == 0) {
            fputs("orderctl: following; Ctrl-C ends it\n", cli->err);
            fflush(cli->err);
        }
        tail->generation = broker_consumer_generation(tail->consumer);
    }
    return CLI_OK;
}

static enum status next(struct tail *tail, bool *got_out, struct failure *failure)
{
    struct broker_delivery delivery;
    enum status status = broker_consume(tail->consumer, WAIT_MS, &delivery, got_out, failure);
    if (status != STATUS_OK || !*got_out) {
        return status;
    }
    tell_message(tail, &delivery);
    (void)fflush(tail->cli->out);
    uint64_t tag = delivery.tag;
    broker_delivery_free(&delivery);
    return broker_ack_up_to(tail->consumer, tag, failure);
}

static void tell_message(struct tail *tail, const struct broker_delivery *delivery)
{
    ProtobufCMessage *message;
    struct failure failure;
    arena_reset(&tail->arena);
    if (message_decode(&shop__v1__event_batch__descriptor, delivery->body, &tail->arena, &message,
                       &failure) != STATUS_OK) {
        fprintf(tail->cli->err, "orderctl: a message with the key %s is no EventBatch: %s\n",
                delivery->routing_key, failure.message);
        return;
    }
    const Shop__V1__EventBatch *batch = (const Shop__V1__EventBatch *)message;
    for (size_t i = 0; i < batch->n_events && (tail->limit == 0 || tail->told < tail->limit); i++) {
        tell_event(tail, delivery->routing_key, batch->events[i]);
        tail->told++;
    }
    if (tail->cli->globals.output == CLI_TABLE) {
        table_flush(&tail->table);
    }
}

static void tell_event(struct tail *tail, const char *key, const Shop__V1__Event *event)
{
    if (tail->cli->globals.output == CLI_JSON) {
        tell_json(tail, key, event);
    } else {
        tell_line(tail, key, event);
    }
}

static void tell_json(struct tail *tail, const char *key, const Shop__V1__Event *event)
{
    static const struct json_print_options OPTIONS = {.defaults = true};
    struct failure failure;
    struct bytes text;
    if (json_print(&event->base, &OPTIONS, &tail->arena, &text, &failure) != STATUS_OK) {
        fprintf(tail->cli->err, "orderctl: event %s: %s\n", event->event_id, failure.message);
        return;
    }
    fprintf(tail->cli->out, "{\"routingKey\":\"%s\",\"event\":%s}\n", key, (const char *)text.data);
}

static void describe_order(struct arena *arena, const Shop__V1__OrderCreated *created, char *of,
                           char *what)
{
    const Shop__V1__Order *order = created->order;
    if (order == NULL) {
        return;
    }
    snprintf(of, EVENT_TEXT_BYTES, "%s v%d", order->order_id, created->version);
    snprintf(what, EVENT_TEXT_BYTES, "%s, customer %s, %zu %s, %s",
             cell_enum(arena, &shop__v1__order__state__descriptor, (int)order->state),
             order->customer_id, order->n_lines, order->n_lines == 1 ? "line" : "lines",
             cell_money(arena, order->total_minor, order->currency));
}

static void describe_change(struct arena *arena, const Shop__V1__OrderChanged *changed, char *of,
                            char *what)
{
    const ProtobufCEnumDescriptor *states = &shop__v1__order__state__descriptor;
    int64_t units = 0;
    for (size_t i = 0; i < changed->n_lines; i++) {
        units += changed->lines[i]->quantity;
    }
    snprintf(of, EVENT_TEXT_BYTES, "%s v%d", changed->order_id, changed->version);
    snprintf(what, EVENT_TEXT_BYTES, "%s to %s, customer %s, %s units%s%s",
             cell_enum(arena, states, (int)changed->from_state),
             cell_enum(arena, states, (int)changed->to_state), changed->customer_id,
             cell_int(arena, units), changed->reason[0] != '\0' ? ", " : "", changed->reason);
}

/* What a newer version tells besides is shown by its key alone; -o json has all of it. */
static void tell_line(struct tail *tail, const char *key, const Shop__V1__Event *event)
{
    char of[EVENT_TEXT_BYTES] = "", what[EVENT_TEXT_BYTES] = "";
    switch ((int)event->change_case) {
    case SHOP__V1__EVENT__CHANGE_ORDER_CREATED:
        describe_order(&tail->arena, event->order_created, of, what);
        break;
    case SHOP__V1__EVENT__CHANGE_ORDER_CHANGED:
        describe_change(&tail->arena, event->order_changed, of, what);
        break;
    case SHOP__V1__EVENT__CHANGE_STOCK_ADJUSTED:
        snprintf(of, sizeof(of), "%s", event->stock_adjusted->product_id);
        snprintf(what, sizeof(what), "%+lld, %s", (long long)event->stock_adjusted->delta,
                 event->stock_adjusted->reason);
        break;
    case SHOP__V1__EVENT__CHANGE_STOCK_LEVEL:
        snprintf(of, sizeof(of), "%s", event->stock_level->product_id);
        snprintf(what, sizeof(what), "%lld available, low at %lld",
                 (long long)event->stock_level->available,
                 (long long)event->stock_level->low_stock_threshold);
        break;
    default:
        break;
    }
    table_row(&tail->table, (const char *const[]){cell_time(&tail->arena, event->event_time), key,
                                                  of, event->actor, what});
}
