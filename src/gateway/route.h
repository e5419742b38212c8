/* Route: which method a plain HTTP request means, by the google.api.http templates of the
 * contracts. Pure. Paths are matched before they are decoded, so that an escaped '/' or ':' is part
 * of a name. Where several templates match, the one with more literal text wins:
 * "/v1/orders/{order_id}:cancel" before
 * "/v1/orders/{order_id}". */
#pragma once

#include "base/arena.h"
#include "gateway/method.h"

#define ROUTE_VARIABLES_MAX 4 /* of a template; the contracts have 1 */

enum route_result {
    ROUTE_FOUND,
    ROUTE_OTHER_VERB, /* the path is known, with other verbs */
    ROUTE_NONE,
};

struct route {
    const struct method *method;
    const struct method_rule *rule;
    size_t variable_count;
    struct {
        struct bytes field; /* of the request: "order_id" */
        struct bytes text;  /* undecoded */
    } variables[ROUTE_VARIABLES_MAX];
};

/* HEAD is GET. With ROUTE_OTHER_VERB, *allow_out is what an Allow header says (in the arena; NULL
 * when that is full). */
enum route_result route_find(const char *verb, struct bytes path, struct arena *arena,
                             struct route *route_out, const char **allow_out);
