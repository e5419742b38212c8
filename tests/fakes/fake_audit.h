/* What PostgreSQL says of products, for the audit. Linked in place of server/audit_postgres.c. */
#pragma once

#include "server/audit.h"

struct fake_audit {
    struct audit_product products[8]; /* most and least, sorted by product_id */
    size_t count;
    int reads;
    void (*on_read)(void); /* runs before each */
};
extern struct fake_audit fake_audit;

void fake_audit_reset(void);
/* PostgreSQL would allow so many, no more and no less. */
void fake_audit_add(const char *product_id, int64_t units);
