/* See fake_audit.h. */
#include "tests/fakes/fake_audit.h"

#include <string.h>

#include "tests/cmocka_all.h"

struct fake_audit fake_audit;

void fake_audit_reset(void)
{
    memset(&fake_audit, 0, sizeof fake_audit);
}

void fake_audit_add(const char *product_id, int64_t units)
{
    assert_true(fake_audit.count < sizeof fake_audit.products / sizeof fake_audit.products[0]);
    fake_audit.products[fake_audit.count++] =
        (struct audit_product){.product_id = product_id, .most = units, .least = units};
}

/* `after` and `most` do not matter: one slice holds all. */
enum status audit_read(struct postgres_link *link, const char *shard, const char *after,
                       const char *only, size_t most, struct arena *arena, int64_t deadline_ms,
                       struct audit_product **products_out, size_t *count_out,
                       struct failure *failure)
{
    (void)link, (void)shard, (void)after, (void)only, (void)most, (void)deadline_ms, (void)failure;
    fake_audit.reads++;
    if (fake_audit.on_read != NULL) {
        fake_audit.on_read();
    }
    *products_out = arena_calloc(arena, fake_audit.count, sizeof **products_out);
    assert_non_null(*products_out);
    memcpy(*products_out, fake_audit.products, fake_audit.count * sizeof **products_out);
    *count_out = fake_audit.count;
    return STATUS_OK;
}

enum status audit_read_waiting(struct postgres_link *link, size_t most, struct arena *arena,
                               int64_t deadline_ms, struct audit_waiting **waiting_out,
                               size_t *count_out, struct failure *failure)
{
    (void)link, (void)most, (void)arena, (void)deadline_ms, (void)failure;
    *waiting_out = NULL;
    *count_out = 0;
    return STATUS_OK;
}

enum status audit_repair(struct postgres_link *link, const char *shard, int64_t epoch,
                         const char *product_id, int64_t quantity, const char *actor,
                         struct arena *arena, int64_t deadline_ms, bool *done_out,
                         struct failure *failure)
{
    (void)link, (void)shard, (void)epoch, (void)product_id, (void)quantity, (void)actor;
    (void)arena, (void)deadline_ms, (void)failure;
    *done_out = true;
    return STATUS_OK;
}
