/* See fake_book.h: what is kept of settled events, and stock besides decisions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/fakes/fake_book.h"

enum status book_trim_settled(struct book *book, const struct book_retention *retention,
                              struct failure *failure)
{
    (void)book;
    fake_book.retention = *retention;
    return fake_book_answer(STATUS_OK, failure);
}

/* A batch a step; a place is its index. */
enum status book_walk_settled(struct book *book, struct book_walk *walk,
                              struct bytes batches[BOOK_WALK_BATCHES_MAX], size_t *count_out,
                              struct failure *failure)
{
    (void)book;
    long before =
        walk->before[0] != '\0' ? strtol(walk->before, NULL, 10) : (long)fake_book.kept_count;
    long after = walk->after[0] != '\0' ? strtol(walk->after, NULL, 10) : -1;
    *count_out = 0;
    if (fake_book.walk == STATUS_OK && before - 1 > after) {
        if (walk->newest[0] == '\0') {
            (void)snprintf(walk->newest, sizeof walk->newest, "%ld", before - 1);
        }
        (void)snprintf(walk->before, sizeof walk->before, "%ld", before - 1);
        batches[0] = fake_book.kept[before - 1];
        *count_out = 1;
    }
    return fake_book_answer(fake_book.walk, failure);
}

enum status book_unsettle(struct book *book, const struct book_claimed *events, size_t count,
                          struct failure *failure)
{
    (void)book;
    for (size_t i = 0; i < count && fake_book.unsettle == STATUS_OK; i++) {
        fake_book.epoch = 0;
        if (fake_book_event(&events[i].event_id) == NULL) {
            fake_book_add_event(&events[i].event_id, events[i].event, true);
        }
    }
    return fake_book_answer(fake_book.unsettle, failure);
}

enum status book_read_store(struct book *book, char name_out[BOOK_STORE_BYTES],
                            struct failure *failure)
{
    (void)book;
    memcpy(name_out, fake_book.store, sizeof fake_book.store);
    return fake_book_answer(fake_book.read, failure);
}

enum status book_note_store(struct book *book, const char *name, struct failure *failure)
{
    (void)book;
    (void)snprintf(fake_book.store, sizeof fake_book.store, "%s", name);
    return fake_book_answer(STATUS_OK, failure);
}

enum status book_highest_epoch(struct book *book, int64_t *epoch_out, struct failure *failure)
{
    (void)book;
    *epoch_out = fake_book.highest > fake_book.epoch ? fake_book.highest : fake_book.epoch;
    return fake_book_answer(fake_book.open, failure);
}

enum status book_apply(struct book *book, const struct book_delta *deltas, size_t count,
                       struct failure *failure)
{
    for (size_t i = 0; i < count && fake_book.apply == STATUS_OK; i++) {
        fake_book.deltas[fake_book.delta_count++] = deltas[i];
        if (deltas[i].epoch == book_epoch(book)) {
            int64_t available = fake_book_available(deltas[i].product_id);
            fake_book_set_stock(deltas[i].product_id,
                                (available < 0 ? 0 : available) + deltas[i].quantity);
        }
    }
    return fake_book_answer(fake_book.apply, failure);
}

enum status book_check(struct book *book, int64_t epoch, bool *open_out, struct failure *failure)
{
    (void)book;
    *open_out = fake_book.epoch == epoch;
    return fake_book_answer(fake_book.check, failure);
}

enum status book_open_begin(struct book *book, struct failure *failure)
{
    (void)book;
    fake_book.open_begins++;
    fake_book.epoch = 0;
    fake_book.stock_count = 0;
    return fake_book_answer(fake_book.open, failure);
}

enum status book_open_load(struct book *book, const struct book_take *stock, size_t count,
                           struct failure *failure)
{
    (void)book;
    for (size_t i = 0; i < count; i++) {
        fake_book_set_stock(stock[i].product_id, stock[i].quantity);
    }
    return fake_book_answer(fake_book.open, failure);
}

enum status book_open_rules(struct book *book, const struct book_ruled *ruled, size_t count,
                            struct failure *failure)
{
    (void)book, (void)ruled;
    fake_book.ruled_count = count;
    return fake_book_answer(fake_book.open, failure);
}

enum status book_open_bought(struct book *book, const struct book_bought *bought, size_t count,
                             struct failure *failure)
{
    (void)book, (void)bought;
    fake_book.bought_count = count;
    return fake_book_answer(fake_book.open, failure);
}

enum status book_open_holds(struct book *book, const struct book_held *held, size_t count,
                            struct failure *failure)
{
    (void)book;
    fake_book.hold_count = 0;
    for (size_t i = 0; i < count; i++) {
        fake_book.holds[fake_book.hold_count].ended = false;
        fake_book.holds[fake_book.hold_count++].order_id = held[i].order_id;
    }
    return fake_book_answer(fake_book.open, failure);
}

enum status book_open_end(struct book *book, int64_t epoch, struct failure *failure)
{
    (void)book;
    fake_book.open_ends++;
    fake_book.epoch = epoch;
    return fake_book_answer(fake_book.open, failure);
}

enum status book_gauges(struct book *book, struct book_gauges *gauges_out, struct failure *failure)
{
    (void)book;
    *gauges_out = (struct book_gauges){.outbox = (int64_t)fake_book.outbox_count};
    return fake_book_answer(STATUS_OK, failure);
}
