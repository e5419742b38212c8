/* Origin: where a request comes from when proxies of ours stand before the gateway. Pure.
 * X-Forwarded-For is read from its end, and only as far as those who wrote it are trusted: what a
 * caller puts into it stands before what the proxies add and is never reached. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define ORIGIN_PROXIES_MAX 32 /* networks, not machines */

/* IPv6; IPv4 as ::ffff:a.b.c.d. */
struct origin_address {
    uint8_t bytes[16];
};

struct origin_proxies {
    size_t count;
    struct {
        struct origin_address address;
        unsigned bits; /* of the address that count */
    } list[ORIGIN_PROXIES_MAX];
};

/* "10.0.0.0/8,::1": addresses and networks; "" for none. False when it is anything else. */
bool origin_parse_proxies(const char *text, struct origin_proxies *proxies_out);
/* `forwarded`: all of X-Forwarded-For, joined with commas; NULL when there is none. */
struct origin_address origin_find(const struct origin_proxies *proxies, struct origin_address peer,
                                  const char *forwarded);
/* What one subscriber has: an IPv4 address, or the /64 of an IPv6 one. A view of `address`. */
struct bytes origin_subscriber(const struct origin_address *address);
