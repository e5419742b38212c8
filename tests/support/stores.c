/* See stores.h. */
#include "tests/support/stores.h"

#include <hiredis/hiredis.h>
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "tests/cmocka_all.h"
#include "tests/support/process.h"

static redisContext *connect_redis(const char *url)
{
    const char *colon = strrchr(url, ':');
    assert_non_null(colon);
    return redisConnect("127.0.0.1", (int)strtol(colon + 1, NULL, 10));
}

static bool redis_answers(void *state)
{
    redisContext *context = connect_redis(state);
    redisReply *reply = context->err == 0 ? redisCommand(context, "PING") : NULL;
    bool answers = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(context);
    return answers;
}

void stores_wait_redis(const char *url, int64_t timeout_ms)
{
    if (!wait_until(redis_answers, (void *)(uintptr_t)url, timeout_ms)) {
        fail_msg("Redis does not answer at %s", url);
    }
}

int64_t stores_redis_int(const char *url, const char *command, const char *first,
                         const char *second)
{
    redisContext *context = connect_redis(url);
    assert_int_equal(context->err, 0);
    const char *words[] = {command, first, second};
    int count = second != NULL ? 3 : (first != NULL ? 2 : 1);
    redisReply *reply = redisCommandArgv(context, count, words, NULL);
    assert_non_null(reply);
    int64_t value = -1;
    if (reply->type == REDIS_REPLY_INTEGER) {
        value = reply->integer;
    } else if (reply->type == REDIS_REPLY_STRING) {
        value = strtoll(reply->str, NULL, 10);
    }
    freeReplyObject(reply);
    redisFree(context);
    return value;
}

static amqp_connection_state_t connect_rabbitmq(const char *url)
{
    char copy[512];
    struct amqp_connection_info info;
    (void)snprintf(copy, sizeof copy, "%s", url);
    assert_int_equal(amqp_parse_url(copy, &info), AMQP_STATUS_OK);
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    assert_int_equal(amqp_socket_open(socket, info.host, info.port), AMQP_STATUS_OK);
    const char *vhost = info.vhost[0] == '\0' ? "/" : info.vhost; /* as src/broker reads it */
    amqp_rpc_reply_t reply = amqp_login(connection, vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN,
                                        info.user, info.password);
    assert_int_equal(reply.reply_type, AMQP_RESPONSE_NORMAL);
    (void)amqp_channel_open(connection, 1);
    return connection;
}

int64_t stores_queue_ready(const char *amqp_url, const char *queue)
{
    amqp_connection_state_t connection = connect_rabbitmq(amqp_url);
    amqp_queue_declare_ok_t *queue_is =
        amqp_queue_declare(connection, 1, amqp_cstring_bytes(queue), 1, 1, 0, 0, amqp_empty_table);
    int64_t ready = queue_is != NULL ? queue_is->message_count : 0;
    (void)amqp_destroy_connection(connection);
    return ready;
}

void stores_unbind_queue(const char *amqp_url, const char *prefix)
{
    static const char *const keys[] = {BROKER_ROUTING_ORDER_CREATED, BROKER_ROUTING_STOCK_ADJUSTED};
    char queue[96];
    char exchange[96];
    (void)snprintf(queue, sizeof queue, "%s.persist", prefix);
    (void)snprintf(exchange, sizeof exchange, "%s.events", prefix);
    amqp_connection_state_t connection = connect_rabbitmq(amqp_url);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)amqp_queue_unbind(connection, 1, amqp_cstring_bytes(queue),
                                amqp_cstring_bytes(exchange), amqp_cstring_bytes(keys[i]),
                                amqp_empty_table);
    }
    (void)amqp_destroy_connection(connection);
}

static void delete_one(amqp_connection_state_t connection, const char *prefix, const char *name,
                       int is_queue)
{
    static amqp_channel_t channel = 1;
    char full[96];
    (void)snprintf(full, sizeof full, "%s.%s", prefix, name);
    (void)amqp_channel_open(connection, ++channel); /* a channel each: a failed delete closes it */
    if (is_queue) {
        (void)amqp_queue_delete(connection, channel, amqp_cstring_bytes(full), 0, 0);
        return;
    }
    (void)amqp_exchange_delete(connection, channel, amqp_cstring_bytes(full), 0);
}

void stores_delete_queues(const char *amqp_url, const char *prefix)
{
    amqp_connection_state_t connection = connect_rabbitmq(amqp_url);
    delete_one(connection, prefix, "persist", 1);
    delete_one(connection, prefix, "parked", 1);
    delete_one(connection, prefix, "events", 0);
    delete_one(connection, prefix, "parked-exchange", 0);
    (void)amqp_destroy_connection(connection);
}
