/* See method.h. */
#include "gateway/method.h"

/* A few dozen: a walk is faster than a hash of the path would be. */
const struct method *method_find(struct bytes path)
{
    for (size_t i = 0; i < method_count; i++) {
        if (bytes_equal(bytes_of_text(methods[i].path), path)) {
            return &methods[i];
        }
    }
    return NULL;
}
