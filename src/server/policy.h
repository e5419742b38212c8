/* Policy: which principals have which roles, from a small file, and which role a method takes.
 *
 *     # principal, then its roles: read, order, catalogue, admin
 *     uid:1000       read order
 *     cn:warehouse   read catalogue
 *     *              read
 *
 * A principal has the roles of its line and of the line "*". A method takes one role, by its path:
 * Get, List and BatchGet of the shop and reflection take read, all else of OrderService order, all
 * else of ProductService catalogue; health and Admin/Ping take none; whatever is not named here
 * takes admin. Read once, before the server starts; then only looked at. */
#pragma once

#include "base/status.h"
#include "rpc/call.h"

#define POLICY_LINES_MAX 1000

enum policy_role {
    ROLE_NONE = 0,
    ROLE_READ = 1,
    ROLE_ORDER = 2,
    ROLE_CATALOGUE = 4,
    ROLE_ADMIN = 8,
};

struct policy;

/* Fails with POLICY_INVALID and the line. */
enum status policy_load(const char *path, struct policy **policy_out, struct failure *failure);
/* NULL-safe; nulls the caller's pointer. */
void policy_destroy(struct policy **policy);

/* The role that a method takes. */
enum policy_role policy_role_of(const char *method);
/* Whether the principal has it. */
bool policy_allows(const struct policy *policy, const char *principal, enum policy_role role);
/* rpc_security.authorize; `policy` is the context. PERMISSION_DENIED, ROLE_MISSING. */
enum status policy_authorize(void *policy, const struct rpc_call *call, struct failure *failure);
