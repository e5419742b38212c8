/* Caller binding: what a caller says, held to who it is. Pure; by field name, in any message of the
 * contracts, at any depth:
 *   customer_id  is the caller's own customer: filled in when empty, refused when it is another's
 *   request_id   is mixed with the caller's name: ids of strangers cannot meet
 * (docs/decisions/0001) A caller that stands for one customer may call only what names the
 * customer, or what changes nothing and answers with nobody else's: no operator's method, and none
 * that shows orders without saying whose they are. */
#pragma once

#include "base/arena.h"
#include "gateway/callers.h"

/* PERMISSION_DENIED: OTHER_CUSTOMER, CUSTOMER_NOT_NAMED. The new texts live in the arena. */
enum status caller_bind(const struct caller *caller, const struct method *method,
                        ProtobufCMessage *request, struct arena *arena, struct failure *failure);
/* Whether the answer is about no other customer. */
bool caller_may_see(const struct caller *caller, const ProtobufCMessage *response);
/* Whether "not found" must look as it does for what caller_may_see refuses: else the difference
 * would say that it is there. */
bool caller_is_kept_from(const struct caller *caller, const struct method *method,
                         const struct failure *failure);
