/* See policy.h. */
#include "server/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/security.h"

#define LINE_BYTES_MAX 512

struct grant {
    char principal[RPC_PRINCIPAL_BYTES];
    unsigned roles;
};

struct policy {
    size_t count;
    struct grant grants[POLICY_LINES_MAX];
};

static enum status read_lines(struct policy *policy, FILE *file, const char *path,
                              struct failure *failure);
static const char *read_line(struct policy *policy, char *line);
static bool is_principal(const char *text);
static unsigned parse_role(const char *name);
static const char *name_role(enum policy_role role);

enum status policy_load(const char *path, struct policy **policy_out, struct failure *failure)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "POLICY_INVALID", "%s: %s", path,
                           strerror(errno));
    }
    struct policy *policy = calloc(1, sizeof *policy);
    enum status status = policy != NULL ? read_lines(policy, file, path, failure)
                                        : failure_set(failure, STATUS_RESOURCE_EXHAUSTED,
                                                      "OUT_OF_MEMORY", "no memory");
    (void)fclose(file);
    if (status != STATUS_OK) {
        policy_destroy(&policy);
        return status;
    }
    *policy_out = policy;
    return STATUS_OK;
}

static enum status read_lines(struct policy *policy, FILE *file, const char *path,
                              struct failure *failure)
{
    char line[LINE_BYTES_MAX];
    for (int number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        bool is_whole = strchr(line, '\n') != NULL || feof(file);
        const char *wrong = is_whole ? read_line(policy, line) : "the line is too long";
        if (wrong != NULL) {
            return failure_set(failure, STATUS_INVALID_ARGUMENT, "POLICY_INVALID", "%s:%d: %s",
                               path, number, wrong);
        }
    }
    if (ferror(file)) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "POLICY_INVALID", "%s: cannot be read",
                           path);
    }
    return STATUS_OK;
}

/* NULL when it is fine, or what is wrong with it. */
static const char *read_line(struct policy *policy, char *line)
{
    line[strcspn(line, "#\r\n")] = '\0';
    char *rest = NULL, *principal = strtok_r(line, " \t", &rest);
    if (principal == NULL) {
        return NULL;
    }
    if (!is_principal(principal)) {
        return "the principal is none of uid:NUMBER, cn:NAME, anonymous, *";
    }
    if (policy->count == POLICY_LINES_MAX) {
        return "too many lines";
    }
    struct grant grant = {.roles = 0};
    memcpy(grant.principal, principal, strlen(principal) + 1);
    for (const char *name; (name = strtok_r(NULL, " \t", &rest)) != NULL;) {
        unsigned role = parse_role(name);
        if (role == 0) {
            return "a role is none of read, order, catalogue, admin";
        }
        grant.roles |= role;
    }
    policy->grants[policy->count++] = grant;
    return NULL;
}

static bool is_principal(const char *text)
{
    if (strlen(text) >= RPC_PRINCIPAL_BYTES) {
        return false;
    }
    if (strncmp(text, "uid:", 4) == 0) {
        return text[4] != '\0' && text[4 + strspn(text + 4, "0123456789")] == '\0';
    }
    return (strncmp(text, "cn:", 3) == 0 && text[3] != '\0') || strcmp(text, "anonymous") == 0 ||
           strcmp(text, "*") == 0;
}

static const struct {
    const char *name;
    enum policy_role role;
} ROLES[] = {
    {"read", ROLE_READ},
    {"order", ROLE_ORDER},
    {"catalogue", ROLE_CATALOGUE},
    {"admin", ROLE_ADMIN},
};
#define ROLE_COUNT (sizeof ROLES / sizeof ROLES[0])

static unsigned parse_role(const char *name)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (strcmp(ROLES[i].name, name) == 0) {
            return ROLES[i].role;
        }
    }
    return 0;
}

static const char *name_role(enum policy_role role)
{
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        if (ROLES[i].role == role) {
            return ROLES[i].name;
        }
    }
    return "none";
}

void policy_destroy(struct policy **policy)
{
    free(*policy);
    *policy = NULL;
}

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

enum policy_role policy_role_of(const char *method)
{
    const char *name = strrchr(method, '/');
    if (begins(method, "/grpc.health.v1.Health/") || strcmp(method, "/rpc.v1.Admin/Ping") == 0) {
        return ROLE_NONE;
    }
    if (begins(method, "/rpc.v1.Reflection/")) {
        return ROLE_READ;
    }
    bool is_order = begins(method, "/shop.v1.OrderService/");
    if (!is_order && !begins(method, "/shop.v1.ProductService/")) {
        return ROLE_ADMIN;
    }
    if (begins(name, "/Get") || begins(name, "/List") || begins(name, "/Explain") ||
        begins(name, "/Follow") || begins(name, "/BatchGet")) {
        return ROLE_READ;
    }
    return is_order ? ROLE_ORDER : ROLE_CATALOGUE;
}

bool policy_allows(const struct policy *policy, const char *principal, enum policy_role role)
{
    if (role == ROLE_NONE) {
        return true;
    }
    for (size_t i = 0; i < policy->count; i++) {
        const struct grant *grant = &policy->grants[i];
        if ((grant->roles & role) != 0 &&
            (strcmp(grant->principal, principal) == 0 || strcmp(grant->principal, "*") == 0)) {
            return true;
        }
    }
    return false;
}

enum status policy_authorize(void *policy, const struct rpc_call *call, struct failure *failure)
{
    enum policy_role role = policy_role_of(rpc_call_method(call));
    if (policy_allows(policy, rpc_call_principal(call), role)) {
        return STATUS_OK;
    }
    enum status status =
        failure_set(failure, STATUS_PERMISSION_DENIED, "ROLE_MISSING",
                    "not done: %s takes the role %s", rpc_call_method(call), name_role(role));
    failure_add(failure, "role", "%s", name_role(role));
    return status;
}
