/* See fake_control.h. */
#include "tests/fakes/fake_control.h"

#include <stdio.h>
#include <string.h>

struct fake_control fake_control;

void fake_control_reset(void)
{
    memset(&fake_control, 0, sizeof fake_control);
    fake_control.name = "fake/1/1";
}

static enum status answer(struct failure *failure)
{
    return fake_control.status == STATUS_OK
               ? STATUS_OK
               : failure_set(failure, fake_control.status, "FAKE_POSTGRES", "as the test says");
}

enum status control_read(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                         struct control_state *state_out, struct failure *failure)
{
    (void)link, (void)shard, (void)deadline_ms;
    *state_out = fake_control.state;
    return answer(failure);
}

enum status control_try_lead(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                             bool *leads_out, struct failure *failure)
{
    (void)link, (void)shard, (void)deadline_ms;
    *leads_out = !fake_control.held_by_another;
    fake_control.leading = *leads_out;
    if (fake_control.leading && fake_control.on_lead != NULL) {
        fake_control.on_lead();
    }
    return answer(failure);
}

enum status control_leads(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                          bool *leads_out, struct failure *failure)
{
    (void)link, (void)shard, (void)deadline_ms;
    *leads_out = fake_control.leading && !fake_control.lost;
    return answer(failure);
}

enum status control_ask_quiet(struct postgres_link *link, const char *shard, int64_t deadline_ms,
                              bool *quiet_out, struct failure *failure)
{
    (void)link, (void)shard, (void)deadline_ms;
    fake_control.quiet = true;
    *quiet_out = true;
    return answer(failure);
}

void control_end_quiet(struct postgres_link *link, const char *shard, int64_t deadline_ms)
{
    (void)link, (void)shard, (void)deadline_ms;
    fake_control.quiet = false;
    fake_control.quiet_ends++;
}

void control_leave(struct postgres_link *link, int64_t deadline_ms)
{
    (void)link, (void)deadline_ms;
    fake_control.leading = false;
    fake_control.quiet = false;
    fake_control.leaves++;
}

enum status control_depose(struct postgres_link *link, const char *shard, int64_t silent_ms,
                           struct arena *arena, int64_t deadline_ms, bool *ended_out,
                           struct failure *failure)
{
    (void)link, (void)shard, (void)silent_ms, (void)arena, (void)deadline_ms;
    fake_control.deposes++;
    *ended_out = false;
    return answer(failure);
}

enum status control_has_ready(struct postgres_link *link, int64_t deadline_ms, bool *ready_out,
                              struct failure *failure)
{
    (void)link, (void)deadline_ms;
    *ready_out = fake_control.ready > 0;
    fake_control.ready -= *ready_out;
    return answer(failure);
}

enum status control_advance(struct postgres_link *link, const char *shard,
                            const struct control_known *known, struct arena *arena,
                            int64_t deadline_ms, struct control_state *state_out,
                            struct control_stock *stock_out, struct failure *failure)
{
    (void)link, (void)shard, (void)arena, (void)deadline_ms;
    fake_control.advances++;
    if (fake_control.state.epoch < known->highest) {
        fake_control.state.epoch = known->highest;
    }
    fake_control.state.epoch++;
    *state_out = fake_control.state;
    *stock_out = (struct control_stock){.stock = fake_control.stock,
                                        .stock_count = fake_control.stock_count,
                                        .held = fake_control.held,
                                        .held_count = fake_control.held_count};
    return answer(failure);
}

enum status control_store_name(struct postgres_link *link, int64_t deadline_ms,
                               char name_out[BOOK_STORE_BYTES], struct failure *failure)
{
    (void)link, (void)deadline_ms;
    (void)snprintf(name_out, BOOK_STORE_BYTES, "%s", fake_control.name);
    return answer(failure);
}
