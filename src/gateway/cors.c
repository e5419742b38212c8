/* See cors.h. */
#include "gateway/cors.h"

#include <string.h>

#define MAX_AGE_S "7200" /* browsers keep a preflight's answer no longer */

static bool is_allowed(const char *origins, const char *origin);
static void answer_preflight(struct http_request *http);

bool cors_handle(const char *origins, struct http_request *http)
{
    if (origins[0] == '\0') {
        return false;
    }
    const char *origin = http_request_header(http, "Origin");
    bool is_preflight = strcmp(http_request_verb(http), "OPTIONS") == 0 && origin != NULL &&
                        http_request_header(http, "Access-Control-Request-Method") != NULL;
    http_add_header(http, "Vary", "Origin"); /* for caches: another page gets another answer */
    if (origin != NULL && is_allowed(origins, origin)) {
        http_add_header(http, "Access-Control-Allow-Origin", origin);
        http_add_header(http, "Access-Control-Expose-Headers", "ETag, Retry-After, X-Call-Id");
        if (is_preflight) {
            answer_preflight(http);
        }
    } else if (is_preflight) { /* without the headers the browser refuses */
        http_respond(http, 403, NULL, (struct bytes){0});
    }
    return is_preflight;
}

static bool is_allowed(const char *origins, const char *origin)
{
    size_t size = strlen(origin);
    if (strcmp(origins, "*") == 0) {
        return true;
    }
    for (const char *at = origins; *at != '\0';) {
        size_t length = strcspn(at, ",");
        if (length == size && memcmp(at, origin, size) == 0) {
            return true;
        }
        at += length + (at[length] == ',');
    }
    return false;
}

static void answer_preflight(struct http_request *http)
{
    http_add_header(http, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    http_add_header(http, "Access-Control-Allow-Headers",
                    "Authorization, X-Api-Key, Content-Type, Idempotency-Key, If-Match, "
                    "If-None-Match, Last-Event-ID, Connect-Protocol-Version, Connect-Timeout-Ms, "
                    "Traceparent");
    http_add_header(http, "Access-Control-Max-Age", MAX_AGE_S);
    http_respond(http, 204, NULL, (struct bytes){0});
}
