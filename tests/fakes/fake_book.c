/* See fake_book.h. */
#include "tests/fakes/fake_book.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"

struct fake_book fake_book;

struct book {
    int64_t epoch;
};

const struct book_limits BOOK_LIMITS_DEFAULT = {
    .outbox_max = 1000,
    .confirm_grace_ms = 5000,
    .persist_grace_ms = 60000,
    .record_ttl_ms = 600000,
    .refusal_ttl_ms = 600000,
    .delta_ttl_ms = 1000,
};

static struct bytes keep(struct bytes bytes);
static void forget(struct bytes bytes);
static void decide_one(struct book *book, struct book_decision *decision);
static void refuse(struct book_decision *decision, const struct book_take *take, int64_t available);
static void add_record(const struct book_decision *decision, enum book_record_kind kind,
                       struct bytes payload);
static bool is_found(const struct book_decision *decision);
static size_t find_hold(const struct uuid *order_id);
static bool hold_allows(struct book_decision *decision);
static void change_hold(const struct book_decision *decision);
static void change_order(const struct book_decision *decision);

void fake_book_reset(void)
{
    for (size_t i = 0; i < fake_book.record_count; i++) {
        forget(fake_book.records[i].record.payload);
    }
    for (size_t i = 0; i < fake_book.outbox_count; i++) {
        forget(fake_book.outbox[i].event);
    }
    for (size_t i = 0; i < fake_book.kept_count; i++) {
        forget(fake_book.kept[i]);
    }
    memset(&fake_book, 0, sizeof fake_book);
    fake_book.epoch = 1;
}

static struct bytes keep(struct bytes bytes)
{
    uint8_t *copy = malloc(bytes.size + 1);
    assert_non_null(copy);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return bytes_of(copy, bytes.size);
}

static void forget(struct bytes bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

void fake_book_set_stock(const char *product_id, int64_t available)
{
    for (size_t i = 0; i < fake_book.stock_count; i++) {
        if (strcmp(fake_book.stock[i].product_id, product_id) == 0) {
            fake_book.stock[i].available = available;
            return;
        }
    }
    assert_true(fake_book.stock_count < FAKE_BOOK_PRODUCTS_MAX);
    (void)snprintf(fake_book.stock[fake_book.stock_count].product_id, 72, "%s", product_id);
    fake_book.stock[fake_book.stock_count++].available = available;
}

int64_t fake_book_available(const char *product_id)
{
    for (size_t i = 0; i < fake_book.stock_count; i++) {
        if (strcmp(fake_book.stock[i].product_id, product_id) == 0) {
            return fake_book.stock[i].available;
        }
    }
    return -1;
}

struct fake_book_record *fake_book_record(const struct uuid *record_id)
{
    for (size_t i = 0; i < fake_book.record_count; i++) {
        if (memcmp(&fake_book.records[i].record_id, record_id, sizeof *record_id) == 0) {
            return &fake_book.records[i];
        }
    }
    return NULL;
}

struct fake_book_event *fake_book_event(const struct uuid *event_id)
{
    for (size_t i = 0; i < fake_book.outbox_count; i++) {
        if (memcmp(&fake_book.outbox[i].event_id, event_id, sizeof *event_id) == 0) {
            return &fake_book.outbox[i];
        }
    }
    return NULL;
}

void fake_book_add_event(const struct uuid *event_id, struct bytes event, bool unconfirmed)
{
    assert_true(fake_book.outbox_count < FAKE_BOOK_RECORDS_MAX);
    fake_book.outbox[fake_book.outbox_count++] = (struct fake_book_event){
        .event_id = *event_id,
        .event = keep(event),
        .unconfirmed = unconfirmed,
        .due = true,
    };
}

enum status fake_book_answer(enum status status, struct failure *failure)
{
    return status == STATUS_OK ? STATUS_OK
                               : failure_set(failure, status, "FAKE_REDIS", "as the test says");
}

/* ---- redis/book.h ---- */

struct book *book_create(struct redis_link *link, const char *shard,
                         const struct book_limits *limits)
{
    (void)link, (void)shard, (void)limits;
    return calloc(1, sizeof(struct book));
}

void book_destroy(struct book **book)
{
    free(*book);
    *book = NULL;
}

void book_set_epoch(struct book *book, int64_t epoch)
{
    book->epoch = epoch;
}

int64_t book_epoch(const struct book *book)
{
    return book->epoch;
}

void book_decide(struct book *book, struct book_decision *decisions, size_t count,
                 int64_t deadline_ms)
{
    fake_book.decide_calls++;
    fake_book.decide_deadline_ms = deadline_ms;
    if (fake_book.on_decide != NULL) {
        fake_book.on_decide();
    }
    for (size_t i = 0; i < count; i++) {
        if (fake_book.decide != STATUS_UNAVAILABLE) {
            decide_one(book, &decisions[i]);
        }
        if (fake_book.decide != STATUS_OK) {
            decisions[i].outcome = BOOK_FAILED;
            (void)fake_book_answer(fake_book.decide, &decisions[i].failure);
        }
    }
}

static void decide_one(struct book *book, struct book_decision *decision)
{
    if (fake_book.epoch == 0 || book->epoch != fake_book.epoch) {
        decision->outcome = BOOK_FENCED;
        return;
    }
    const struct fake_book_record *prior = fake_book_record(&decision->record_id);
    if (prior != NULL) {
        decision->outcome = BOOK_REPEATED;
        decision->prior = prior->record;
        return;
    }
    if (fake_book.overloaded) {
        decision->outcome = BOOK_OVERLOADED;
        return;
    }
    if (!is_found(decision)) {
        decision->outcome = BOOK_CONFLICT;
        return;
    }
    if (decision->hold == BOOK_NOTE) {
        add_record(decision, BOOK_ACCEPTED, bytes_of("", 0));
        decision->outcome = BOOK_NOTED;
        return;
    }
    if (!hold_allows(decision)) {
        return;
    }
    for (size_t i = 0; i < decision->take_count; i++) {
        const struct book_take *take = &decision->takes[i];
        assert_true(take->quantity > 0);
        assert_true(i == 0 || strcmp(decision->takes[i - 1].product_id, take->product_id) < 0);
        int64_t available = fake_book_available(take->product_id);
        if (available < take->quantity) {
            refuse(decision, take, available);
            return;
        }
    }
    if (decision->is_trial) {
        decision->outcome = BOOK_POSSIBLE;
        return;
    }
    for (size_t i = 0; i < decision->take_count; i++) {
        const struct book_take *take = &decision->takes[i];
        fake_book_set_stock(take->product_id,
                            fake_book_available(take->product_id) - take->quantity);
    }
    if (decision->found_version > 0) {
        add_record(decision, BOOK_ACCEPTED, bytes_of("", 0));
        change_order(decision);
    } else {
        add_record(decision, BOOK_ACCEPTED, decision->record);
    }
    change_hold(decision);
    fake_book_add_event(&decision->event_id, decision->event, true);
    decision->outcome = BOOK_DECIDED;
    decision->is_behind = fake_book.behind;
}

static bool is_found(const struct book_decision *decision)
{
    const struct fake_book_record *record = fake_book_record(&decision->order_id);
    return decision->found_version == 0 || record == NULL || !record->record.is_current ||
           record->record.version == decision->found_version;
}

static size_t find_hold(const struct uuid *order_id)
{
    size_t at = 0;
    while (at < fake_book.hold_count &&
           memcmp(&fake_book.holds[at].order_id, order_id, sizeof *order_id) != 0) {
        at++;
    }
    return at;
}

bool fake_book_end_hold(const struct uuid *order_id)
{
    size_t at = find_hold(order_id);
    if (at < fake_book.hold_count) {
        fake_book.holds[at].ended = true;
    }
    return at < fake_book.hold_count;
}

static bool hold_allows(struct book_decision *decision)
{
    size_t at = find_hold(&decision->order_id);
    bool runs = at < fake_book.hold_count && !fake_book.holds[at].ended;
    if (decision->hold == BOOK_HOLD_MUST_RUN && !runs) {
        decision->outcome = BOOK_HOLD_ENDED;
        return false;
    }
    if (decision->hold == BOOK_HOLD_MUST_END && runs) {
        decision->outcome = BOOK_HOLD_RUNS;
        return false;
    }
    return true;
}

static void change_hold(const struct book_decision *decision)
{
    size_t at = find_hold(&decision->order_id);
    if (decision->hold == BOOK_HOLD_START) {
        assert_true(fake_book.hold_count < FAKE_BOOK_RECORDS_MAX);
        fake_book.holds[fake_book.hold_count].order_id = decision->order_id;
        fake_book.holds[fake_book.hold_count].ended = false;
        fake_book.holds[fake_book.hold_count++].hold_ms = decision->hold_ms;
    } else if (decision->hold != BOOK_HOLD_NONE && at < fake_book.hold_count) {
        fake_book.holds[at] = fake_book.holds[--fake_book.hold_count];
    }
}

static void change_order(const struct book_decision *decision)
{
    struct fake_book_record *record = fake_book_record(&decision->order_id);
    if (record == NULL) {
        assert_true(fake_book.record_count < FAKE_BOOK_RECORDS_MAX);
        record = &fake_book.records[fake_book.record_count++];
        *record = (struct fake_book_record){.record_id = decision->order_id};
    } else {
        forget(record->record.payload);
    }
    record->record = (struct book_record){
        .kind = BOOK_ACCEPTED,
        .is_current = true,
        .version = decision->found_version + 1,
        .event_id = decision->event_id,
        .payload = keep(decision->record),
    };
    memcpy(record->record.request_hash, decision->order_hash, BOOK_REQUEST_HASH_BYTES);
}

static void refuse(struct book_decision *decision, const struct book_take *take, int64_t available)
{
    decision->short_product_id = take->product_id;
    decision->short_available = available;
    decision->outcome = available < 0 ? BOOK_STOCK_UNKNOWN : BOOK_OUT_OF_STOCK;
    if (available >= 0 && !decision->is_trial) {
        char payload[128];
        int size = snprintf(payload, sizeof payload, "%s%c%lld", take->product_id, '\0',
                            (long long)available);
        add_record(decision, BOOK_REFUSED, bytes_of(payload, (size_t)size));
    }
}

static void add_record(const struct book_decision *decision, enum book_record_kind kind,
                       struct bytes payload)
{
    assert_true(fake_book.record_count < FAKE_BOOK_RECORDS_MAX);
    struct fake_book_record *record = &fake_book.records[fake_book.record_count++];
    *record = (struct fake_book_record){
        .record_id = decision->record_id,
        .record = {.kind = kind, .version = 1, .is_current = true, .event_id = decision->event_id},
    };
    memcpy(record->record.request_hash, decision->request_hash, BOOK_REQUEST_HASH_BYTES);
    record->record.payload = keep(payload);
}

enum status book_confirm(struct book *book, const struct uuid *event_ids, size_t count,
                         struct failure *failure)
{
    (void)book;
    fake_book.confirm_calls++;
    for (size_t i = 0; i < count && fake_book.confirm == STATUS_OK; i++) {
        struct fake_book_event *event = fake_book_event(&event_ids[i]);
        if (event != NULL) {
            event->unconfirmed = false;
            event->due = false;
        }
    }
    return fake_book_answer(fake_book.confirm, failure);
}

enum status book_read(struct book *book, struct book_lookup *lookups, size_t count,
                      int64_t deadline_ms, struct failure *failure)
{
    (void)book, (void)deadline_ms;
    fake_book.read_calls++;
    if (fake_book.on_read != NULL) {
        fake_book.on_read();
    }
    for (size_t i = 0; i < count && fake_book.read == STATUS_OK; i++) {
        const struct fake_book_record *record = fake_book_record(&lookups[i].record_id);
        lookups[i].found = record != NULL;
        if (record == NULL) {
            continue;
        }
        lookups[i].record = record->record;
        const struct fake_book_event *event = fake_book_event(&record->record.event_id);
        lookups[i].in_outbox = event != NULL;
        lookups[i].unconfirmed = event != NULL && event->unconfirmed;
    }
    return fake_book_answer(fake_book.read, failure);
}

enum status book_read_stock(struct book *book, const char *const *product_ids, size_t count,
                            int64_t *available_out, int64_t deadline_ms, struct failure *failure)
{
    (void)book, (void)deadline_ms;
    fake_book.read_calls++;
    for (size_t i = 0; i < count; i++) {
        available_out[i] = fake_book_available(product_ids[i]);
    }
    return fake_book_answer(fake_book.read, failure);
}

enum status book_read_units(struct book *book, const char *const *product_ids, size_t count,
                            int64_t *units_out, int64_t deadline_ms, struct failure *failure)
{
    enum status status = book_read_stock(book, product_ids, count, units_out, deadline_ms, failure);
    for (size_t i = 0; i < count; i++) {
        units_out[i] = units_out[i] == -1 ? INT64_MIN : units_out[i];
    }
    return status;
}

enum status book_read_counts(struct book *book, struct book_count *counts, size_t count,
                             struct arena *arena, int64_t deadline_ms, struct failure *failure)
{
    (void)book, (void)arena, (void)deadline_ms;
    fake_book.read_calls++;
    for (size_t i = 0; i < count; i++) {
        counts[i].event_id = (struct bytes){0};
        counts[i].in_outbox = fake_book.counting;
    }
    return fake_book_answer(fake_book.read, failure);
}

void book_rules_print(const struct book_rules *rules, char text[BOOK_RULES_BYTES])
{
    (void)snprintf(text, BOOK_RULES_BYTES, "%lld %lld", (long long)rules->version,
                   (long long)rules->state);
}

enum status book_claim(struct book *book, enum book_due due, struct book_claimed *claimed,
                       size_t most, int64_t lease_ms, size_t *count_out, struct failure *failure)
{
    (void)book;
    fake_book.claim_lease_ms = lease_ms;
    size_t count = 0;
    for (size_t i = 0; i < fake_book.outbox_count && count < most; i++) {
        struct fake_book_event *event = &fake_book.outbox[i];
        if (event->due && event->unconfirmed == (due == BOOK_DUE_CONFIRM)) {
            event->due = false;
            claimed[count++] = (struct book_claimed){event->event_id, event->event};
        }
    }
    *count_out = count;
    return fake_book_answer(fake_book.claim, failure);
}

enum status book_postpone(struct book *book, const struct uuid *event_ids, size_t count,
                          int64_t by_ms, struct failure *failure)
{
    (void)book, (void)event_ids;
    fake_book.postponed_count += count;
    fake_book.postponed_by_ms = by_ms;
    return fake_book_answer(STATUS_OK, failure);
}

enum status book_claim_ended(struct book *book, struct uuid *order_ids, size_t most,
                             int64_t lease_ms, size_t *count_out, struct failure *failure)
{
    (void)book, (void)lease_ms;
    size_t count = 0;
    for (size_t i = 0; i < fake_book.hold_count && count < most; i++) {
        if (fake_book.holds[i].ended) {
            order_ids[count++] = fake_book.holds[i].order_id;
        }
    }
    *count_out = count;
    return fake_book_answer(fake_book.claim, failure);
}

enum status book_drop_holds(struct book *book, const struct uuid *order_ids, size_t count,
                            struct failure *failure)
{
    (void)book;
    for (size_t i = 0; i < count; i++) {
        size_t at = find_hold(&order_ids[i]);
        if (at < fake_book.hold_count) {
            fake_book.holds[at] = fake_book.holds[--fake_book.hold_count];
        }
    }
    return fake_book_answer(STATUS_OK, failure);
}

enum status book_hurry(struct book *book, struct failure *failure)
{
    (void)book;
    fake_book.hurry_calls++;
    for (size_t i = 0; i < fake_book.outbox_count; i++) {
        fake_book.outbox[i].due = true;
    }
    return fake_book_answer(STATUS_OK, failure);
}

enum status book_settle(struct book *book, const struct book_settled *settled, size_t count,
                        struct bytes batch, struct failure *failure)
{
    (void)book;
    fake_book.settle_calls++;
    for (size_t i = 0; i < count && fake_book.settle == STATUS_OK; i++) {
        struct fake_book_event *event = fake_book_event(&settled[i].event_id);
        if (event != NULL) {
            forget(event->event);
            *event = fake_book.outbox[--fake_book.outbox_count];
            fake_book.settled_count++;
        }
    }
    if (fake_book.settle == STATUS_OK && batch.size > 0) {
        assert_true(fake_book.kept_count < FAKE_BOOK_KEPT_MAX);
        fake_book.kept[fake_book.kept_count++] = keep(batch);
    }
    return fake_book_answer(fake_book.settle, failure);
}
