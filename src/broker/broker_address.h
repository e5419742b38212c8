/* Address: what an amqp:// or amqps:// URL says, percent-decoded. Used by broker_link.c. */
#pragma once

#include "base/status.h"

struct broker_address {
    char *text; /* what the others point into */
    const char *user, *password, *host, *vhost;
    int port;
    bool tls;
};

/* Missing parts get AMQP's defaults; an empty vhost (a URL that ends in "/") means "/".
 * INVALID_ARGUMENT, BROKER_URL_INVALID. */
enum status broker_address_init(const char *url, struct broker_address *address_out,
                                struct failure *failure);
void broker_address_fini(struct broker_address *address);
