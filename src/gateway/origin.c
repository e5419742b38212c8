/* See origin.h. */
#include "gateway/origin.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES INET6_ADDRSTRLEN
#define IPV4_BITS  96 /* of ::ffff:0:0, before an IPv4 address */

static const uint8_t IPV4_PREFIX[12] = {[10] = 0xFF, [11] = 0xFF};

static bool parse_network(struct bytes text, struct origin_proxies *proxies);
static bool parse_address(struct bytes text, struct origin_address *address_out);
static bool is_trusted(const struct origin_proxies *proxies, const struct origin_address *address);
static struct bytes take_last(struct bytes *rest);
static struct bytes without_port(struct bytes text);
static struct bytes trim(struct bytes text);

bool origin_parse_proxies(const char *text, struct origin_proxies *proxies_out)
{
    struct origin_proxies proxies = {0};
    for (struct bytes rest = bytes_of_text(text); rest.size > 0;) {
        if (!parse_network(take_last(&rest), &proxies)) {
            return false;
        }
    }
    *proxies_out = proxies;
    return true;
}

/* "10.0.0.0/8" or an address. */
static bool parse_network(struct bytes text, struct origin_proxies *proxies)
{
    struct origin_address address;
    const uint8_t *slash = text.size == 0 ? NULL : memchr(text.data, '/', text.size);
    size_t size = slash == NULL ? text.size : (size_t)(slash - text.data);
    if (proxies->count == ORIGIN_PROXIES_MAX ||
        !parse_address(bytes_of(text.data, size), &address)) {
        return false;
    }
    bool is_ipv4 = memcmp(address.bytes, IPV4_PREFIX, sizeof IPV4_PREFIX) == 0;
    unsigned bits = 0, most = is_ipv4 ? 32 : 128;
    for (size_t i = size + 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || bits > most) {
            return false;
        }
        bits = 10 * bits + (unsigned)(text.data[i] - '0');
    }
    if (slash != NULL && (size + 1 == text.size || bits > most)) {
        return false;
    }
    proxies->list[proxies->count].address = address;
    proxies->list[proxies->count++].bits =
        (is_ipv4 ? IPV4_BITS : 0) + (slash == NULL ? most : bits);
    return true;
}

static bool parse_address(struct bytes text, struct origin_address *address_out)
{
    char copy[TEXT_BYTES];
    struct origin_address address;
    if (text.size == 0 || text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET6, copy, address.bytes) != 1) {
        memcpy(address.bytes, IPV4_PREFIX, sizeof IPV4_PREFIX);
        if (inet_pton(AF_INET, copy, address.bytes + sizeof IPV4_PREFIX) != 1) {
            return false;
        }
    }
    *address_out = address;
    return true;
}

struct origin_address origin_find(const struct origin_proxies *proxies, struct origin_address peer,
                                  const char *forwarded)
{
    struct origin_address origin = peer, before;
    struct bytes rest = bytes_of_text(forwarded == NULL ? "" : forwarded);
    while (rest.size > 0 && is_trusted(proxies, &origin)) {
        if (!parse_address(without_port(take_last(&rest)), &before)) {
            break; /* "unknown": then it is the proxy that says so */
        }
        origin = before;
    }
    return origin;
}

static bool is_trusted(const struct origin_proxies *proxies, const struct origin_address *address)
{
    for (size_t i = 0; i < proxies->count; i++) {
        const uint8_t *trusted = proxies->list[i].address.bytes;
        unsigned bits = proxies->list[i].bits;
        unsigned rest = bits % 8;
        uint8_t mask = (uint8_t)(0xFF00U >> rest);
        if (memcmp(trusted, address->bytes, bits / 8) == 0 &&
            (rest == 0 || ((trusted[bits / 8] ^ address->bytes[bits / 8]) & mask) == 0)) {
            return true;
        }
    }
    return false;
}

struct bytes origin_subscriber(const struct origin_address *address)
{
    return memcmp(address->bytes, IPV4_PREFIX, sizeof IPV4_PREFIX) == 0
               ? bytes_of(address->bytes + sizeof IPV4_PREFIX, 4)
               : bytes_of(address->bytes, 8);
}

/* What is behind the last comma, and the comma. */
static struct bytes take_last(struct bytes *rest)
{
    const uint8_t *comma = memrchr(rest->data, ',', rest->size);
    size_t start = comma == NULL ? 0 : (size_t)(comma - rest->data) + 1;
    struct bytes last = bytes_of(rest->data + start, rest->size - start);
    rest->size = comma == NULL ? 0 : start - 1;
    return trim(last);
}

/* "1.2.3.4:5678" and "[::1]:5678", as some proxies have it. */
static struct bytes without_port(struct bytes text)
{
    const uint8_t *close = text.size == 0 ? NULL : memchr(text.data, ']', text.size);
    if (close != NULL && text.data[0] == '[') {
        return bytes_of(text.data + 1, (size_t)(close - text.data) - 1);
    }
    const uint8_t *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    bool is_only = colon != NULL && memrchr(text.data, ':', text.size) == colon;
    return is_only ? bytes_of(text.data, (size_t)(colon - text.data)) : text;
}

static struct bytes trim(struct bytes text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = bytes_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}
