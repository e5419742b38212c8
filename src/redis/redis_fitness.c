/* See redis_fitness.h. By INFO, which managed Redis answers that has no CONFIG. */
#include "redis/redis_fitness.h"

#include <string.h>

enum found {
    FOUND,
    FOUND_OTHER,
    FOUND_NOTHING,
};

static enum status readable(const struct redis_reply *reply, struct failure *failure);
static enum found find(struct bytes info, const char *name, const char *wanted);
static enum status unreadable(struct failure *failure);

enum status redis_fitness_look(struct redis_link *link, bool may_forget, struct failure *failure)
{
    const struct redis_reply *replies;
    redis_link_add_text(link, "INFO", "memory", NULL);
    redis_link_add_text(link, "INFO", "persistence", NULL);
    enum status status = redis_link_exchange(link, 0, &replies, failure);
    if (status == STATUS_OK) {
        status = readable(&replies[0], failure);
    }
    if (status == STATUS_OK) {
        status = readable(&replies[1], failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (find(replies[1].text, "loading", "1") == FOUND) { /* it says aof_enabled:0 meanwhile */
        return failure_set(failure, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE",
                           "Redis is loading what it has on disk");
    }
    enum found policy = find(replies[0].text, "maxmemory_policy", "noeviction");
    enum found file = find(replies[1].text, "aof_enabled", "1");
    if (policy == FOUND_NOTHING || file == FOUND_NOTHING) {
        return unreadable(failure);
    }
    if (policy != FOUND) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "REDIS_EVICTS",
                           "Redis would throw stock and orders away when its memory is full: set "
                           "maxmemory-policy to noeviction, and keep caches in another Redis");
    }
    if (file != FOUND && !may_forget) {
        return failure_set(failure, STATUS_FAILED_PRECONDITION, "REDIS_FORGETS",
                           "Redis keeps nothing on disk: set appendonly to yes, or "
                           "ORDER_SERVER_ALLOW_VOLATILE_REDIS=true if every restart of Redis may "
                           "lose what RabbitMQ has not confirmed");
    }
    return STATUS_OK;
}

static enum status readable(const struct redis_reply *reply, struct failure *failure)
{
    if (reply->type == REDIS_TEXT) {
        return STATUS_OK;
    }
    if (redis_reply_is_error(reply, "NOPERM")) {
        return unreadable(failure);
    }
    return failure_set(failure, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE",
                       "Redis does not say how it is set up");
}

static enum status unreadable(struct failure *failure)
{
    return failure_set(failure, STATUS_FAILED_PRECONDITION, "REDIS_UNREADABLE",
                       "Redis does not show how it is set up: its user needs the command INFO, "
                       "with maxmemory_policy and aof_enabled");
}

/* A line "name:value" of INFO. */
static enum found find(struct bytes info, const char *name, const char *wanted)
{
    const char *at = (const char *)info.data;
    const char *end = at + info.size;
    size_t size = strlen(name);
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end != NULL ? line_end : end;
        const char *value_end = line_end > at && line_end[-1] == '\r' ? line_end - 1 : line_end;
        if ((size_t)(value_end - at) > size && memcmp(at, name, size) == 0 && at[size] == ':') {
            const char *value = at + size + 1;
            size_t value_size = (size_t)(value_end - value);
            bool same = value_size == strlen(wanted) && memcmp(value, wanted, value_size) == 0;
            return same ? FOUND : FOUND_OTHER;
        }
        at = line_end + 1;
    }
    return FOUND_NOTHING;
}
