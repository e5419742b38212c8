/* See redis_url.h. */
#include "redis/redis_url.h"

#include <stdlib.h>
#include <string.h>

#define PORT_DEFAULT    6379
#define DATABASE_MAX    65535
#define UNIX_PATH_BYTES 108 /* sockaddr_un.sun_path with its NUL */

static enum status wrong(struct failure *failure, const char *part);
static bool parse_credentials(const char **text, struct redis_url *url);
static bool parse_host(const char **text, struct redis_url *url);
static bool parse_path(const char *text, struct redis_url *url);
static bool parse_number(const char *text, size_t size, int most, int *number_out);
static bool decode(const char *text, size_t size, char *out);
static bool copy(const char *text, size_t size, char *out);

enum status redis_url_parse(const char *text, struct redis_url *url_out, struct failure *failure)
{
    struct redis_url url = {.port = PORT_DEFAULT};
    bool is_unix = strncmp(text, "unix://", 7) == 0;
    if (!is_unix && strncmp(text, "redis://", 8) != 0) {
        return wrong(failure, "scheme (redis:// or unix://)");
    }
    text += is_unix ? 7 : 8;
    if (!parse_credentials(&text, &url)) {
        return wrong(failure, "user or password");
    }
    if (is_unix) {
        if (!parse_path(text, &url)) {
            return wrong(failure, "socket path");
        }
        *url_out = url;
        return STATUS_OK;
    }
    if (!parse_host(&text, &url)) {
        return wrong(failure, "host or port");
    }
    if (*text == '/' && text[1] != '\0' &&
        !parse_number(text + 1, strlen(text + 1), DATABASE_MAX, &url.database)) {
        return wrong(failure, "database number");
    }
    *url_out = url;
    return STATUS_OK;
}

static enum status wrong(struct failure *failure, const char *part)
{
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "REDIS_URL_INVALID",
                       "the Redis URL has a wrong %s; it is redis://[user:password@]host:port[/db] "
                       "or unix:///path/redis.sock",
                       part);
}

/* Up to the last '@' before the first '/': a '/' in a password has to be percent-encoded. */
static bool parse_credentials(const char **text, struct redis_url *url)
{
    const char *at = memrchr(*text, '@', strcspn(*text, "/"));
    if (at == NULL) {
        return true;
    }
    size_t size = (size_t)(at - *text);
    const char *colon = memchr(*text, ':', size);
    if (colon == NULL) {
        return false;
    }
    bool good = decode(*text, (size_t)(colon - *text), url->user) &&
                decode(colon + 1, (size_t)(at - colon - 1), url->password) &&
                url->password[0] != '\0';
    *text = at + 1;
    return good;
}

static bool parse_host(const char **text, struct redis_url *url)
{
    size_t size;
    const char *rest = *text;
    if (*rest == '[') { /* [::1] */
        size = strcspn(rest, "]/");
        if (rest[size] != ']' || !copy(rest + 1, size - 1, url->host)) {
            return false;
        }
        rest += size + 1;
    } else {
        size = strcspn(rest, ":/");
        if (!copy(rest, size, url->host)) {
            return false;
        }
        rest += size;
    }
    if (*rest == ':') {
        size = strcspn(rest + 1, "/");
        if (!parse_number(rest + 1, size, 65535, &url->port) || url->port == 0) {
            return false;
        }
        rest += size + 1;
    }
    *text = rest;
    return url->host[0] != '\0' && (*rest == '\0' || *rest == '/');
}

static bool parse_path(const char *text, struct redis_url *url)
{
    size_t size = strcspn(text, "?");
    if (text[0] != '/' || size >= UNIX_PATH_BYTES || !copy(text, size, url->path)) {
        return false;
    }
    if (text[size] == '\0') {
        return true;
    }
    const char *query = text + size + 1;
    return strncmp(query, "db=", 3) == 0 &&
           parse_number(query + 3, strlen(query + 3), DATABASE_MAX, &url->database);
}

static bool parse_number(const char *text, size_t size, int most, int *number_out)
{
    int number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (text[i] - '0');
        if (number > most) {
            return false;
        }
    }
    *number_out = number;
    return size > 0;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Percent-decodes; no NUL may come out of it. */
static bool decode(const char *text, size_t size, char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        int value = (unsigned char)text[i];
        if (text[i] == '%') {
            if (size - i < 3) {
                return false;
            }
            int high = hex_value(text[i + 1]);
            int low = hex_value(text[i + 2]);
            value = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (value == 0 || used + 1 >= REDIS_URL_PART_BYTES) {
            return false;
        }
        out[used++] = (char)value;
    }
    out[used] = '\0';
    return true;
}

static bool copy(const char *text, size_t size, char *out)
{
    if (size == 0 || size >= REDIS_URL_PART_BYTES) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}
