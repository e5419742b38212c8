/* HTTP watch: cuts off connections that are too slow. libmicrohttpd's own timeout starts anew with
 * each byte, so a peer that sends one now and then would stay for ever; here each phase of a
 * connection has an end: waiting for the next request's headers, the body, and taking the answer.
 * Threads: all functions from any; its own thread closes sockets whose time is over. */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"

struct http_watch;
struct http_watched;

enum status http_watch_start(const struct clock *clock, struct http_watch **watch_out,
                             struct failure *failure);
/* When nothing is watched any more. NULL-safe; nulls the caller's pointer. */
void http_watch_stop(struct http_watch **watch);

/* The socket must be open until http_watch_remove. NULL when memory is out. */
struct http_watched *http_watch_add(struct http_watch *watch, int socket, int64_t limit_ms);
void http_watch_remove(struct http_watched *watched);
/* The time starts anew; 0 = no limit (the answer is being made, which has a deadline of its own).
 */
void http_watch_limit(struct http_watched *watched, int64_t limit_ms);
