/* See broker_address.h. */
#include "broker/broker_address.h"

#include <rabbitmq-c/amqp.h>
#include <stdlib.h>
#include <string.h>

enum status broker_address_init(const char *url, struct broker_address *address_out,
                                struct failure *failure)
{
    /* amqp_parse_url decodes in place and leaves pointers into its argument. */
    char *text = strdup(url);
    if (text == NULL) {
        return failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
    }
    struct amqp_connection_info info;
    if (amqp_parse_url(text, &info) != AMQP_STATUS_OK) {
        free(text);
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "BROKER_URL_INVALID",
                           "RABBITMQ_URL is not amqp[s]://user:password@host:port/vhost "
                           "(percent-encode what is special in a part)");
    }
    *address_out = (struct broker_address){
        .text = text,
        .user = info.user,
        .password = info.password,
        .host = info.host,
        .vhost = info.vhost[0] == '\0' ? "/" : info.vhost,
        .port = info.port,
        .tls = info.ssl != 0,
    };
    return STATUS_OK;
}

void broker_address_fini(struct broker_address *address)
{
    free(address->text);
    *address = (struct broker_address){0};
}
