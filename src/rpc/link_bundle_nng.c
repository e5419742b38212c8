/* See link.h: exchanges that share a message. A bundle's message goes there and back as an exchange
 * of its own, the carrier; what came of that came of all that it carries.
 * Always: of an exchange in a bundle either the bundle or a cancellation makes the end, whoever
 * takes its ticket. To a server that has refused a bundle none is sent on that connection any more.
 * Not here: which exchanges may share (channel.h), the format (bundle.h). */
#include <stdlib.h>

#include "rpc/bundle.h"
#include "rpc/link_nng.h"

/* Messages that the exchanges under way are spread over at least: while the server answers some,
 * the caller reads others. */
#define BUNDLES_AT_ONCE 4
/* Of those in one message the last deadline holds for all: they end later by so much at most. */
#define DEADLINE_SLACK_MS 10

struct link_bundle {
    struct link_bundle *next, *next_idle;
    struct link *link;
    struct link_exchange *carrier;
    uint32_t connection;  /* it was sent over, if it was sent at once */
    atomic_size_t left;   /* tickets that nobody has taken yet */
    atomic_size_t owners; /* who still looks at it: takers of tickets and the carrier */
    size_t count;
    struct link_exchange *members[BUNDLE_PARTS_MAX];
    unsigned long long tickets[BUNDLE_PARTS_MAX];
};

static _Thread_local struct link_collection *collecting;

static size_t take_alike(struct link_collection *collection,
                         struct link_exchange *members_out[BUNDLE_PARTS_MAX]);
static bool can_share(const struct link *link, size_t size);
static size_t size_limit(const struct link *link);
static void send_together(struct link_exchange **members, size_t count);
static struct link_bundle *take_bundle(struct link *link);
static struct link_bundle *make_bundle(struct link *link);
static void give_back(struct link_bundle *bundle);
static void disown(struct link_bundle *bundle);
static void drop(struct link_exchange *exchange, unsigned long long ticket);
static bool write_bundle(struct link_bundle *bundle, struct link_exchange **members, size_t count);
static int64_t hand_over(struct link_bundle *bundle);
static void on_carried(void *context);
static enum link_outcome read_answer(struct link_bundle *bundle,
                                     struct bytes parts_out[BUNDLE_PARTS_MAX]);
static bool take_ticket(struct link_exchange *exchange, unsigned long long ticket);
static void end_member(struct link_exchange *member, enum link_outcome outcome,
                       struct bytes answer);
static bool put_answer(struct link_exchange *exchange, struct bytes answer);

void link_collect(struct link_collection *collection)
{
    *collection = (struct link_collection){.outer = collecting};
    collecting = collection;
}

bool link_bundle_collect(struct link_exchange *exchange, int64_t timeout_ms)
{
    if (collecting == NULL || !can_share(exchange->link, nng_msg_len(exchange->message))) {
        return false;
    }
    exchange->deadline_ms = nng_clock() + (nng_time)timeout_ms;
    exchange->collected = NULL;
    if (collecting->first == NULL) {
        collecting->first = exchange;
    } else {
        collecting->last->collected = exchange;
    }
    collecting->last = exchange;
    return true;
}

void link_send_collected(struct link_collection *collection)
{
    collecting = collection->outer;
    while (collection->first != NULL) {
        struct link_exchange *members[BUNDLE_PARTS_MAX];
        size_t count = take_alike(collection, members);
        if (count == 1) {
            link_exchange_send(members[0], link_exchange_remaining_ms(members[0]));
        } else {
            send_together(members, count);
        }
    }
}

/* The first one and those behind it of the same link and kind, all deadlines within the slack. */
static size_t take_alike(struct link_collection *collection,
                         struct link_exchange *members_out[BUNDLE_PARTS_MAX])
{
    struct link_exchange *first = collection->first, **at = &collection->first;
    nng_time earliest_ms = first->deadline_ms, latest_ms = first->deadline_ms;
    size_t count = 0, limit = size_limit(first->link);
    while (*at != NULL && count < limit) {
        struct link_exchange *exchange = *at;
        nng_time ms = exchange->deadline_ms;
        nng_time from_ms = ms < earliest_ms ? ms : earliest_ms;
        nng_time to_ms = ms > latest_ms ? ms : latest_ms;
        if (exchange->link != first->link || exchange->kind != first->kind ||
            to_ms - from_ms > DEADLINE_SLACK_MS) {
            at = &exchange->collected;
            continue;
        }
        earliest_ms = from_ms;
        latest_ms = to_ms;
        *at = exchange->collected;
        members_out[count++] = exchange;
    }
    return count;
}

bool link_is_collecting(void)
{
    return collecting != NULL;
}

bool link_is_crowded(const struct link *link, size_t size)
{
    return size_limit(link) > 1 && can_share(link, size);
}

/* A request of this size, on the connection that is there now. */
static bool can_share(const struct link *link, size_t size)
{
    uint32_t connection = atomic_load(&link->connection);
    bool is_plain = connection != 0 && connection == atomic_load(&link->plain);
    return size <= BUNDLE_REQUEST_BYTES_MAX && !is_plain;
}

static size_t size_limit(const struct link *link)
{
    size_t limit = atomic_load(&link->sharing) / BUNDLES_AT_ONCE;
    return limit < 1 ? 1 : limit > BUNDLE_PARTS_MAX ? BUNDLE_PARTS_MAX : limit;
}

static void send_together(struct link_exchange **members, size_t count)
{
    struct link_bundle *bundle = take_bundle(members[0]->link);
    if (bundle == NULL || !write_bundle(bundle, members, count)) {
        if (bundle != NULL) {
            give_back(bundle);
        }
        for (size_t i = 0; i < count; i++) {
            link_exchange_send(members[i], link_exchange_remaining_ms(members[i]));
        }
        return;
    }
    bundle->connection = atomic_load(&bundle->link->connection);
    link_exchange_arm(bundle->carrier);
    (void)atomic_fetch_add(&bundle->link->carrying, 1);
    link_exchange_send(bundle->carrier, hand_over(bundle));
}

/* NULL when memory is out, or the link is closed. */
static struct link_bundle *take_bundle(struct link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    struct link_bundle *bundle = link->idle_bundles;
    if (bundle != NULL) {
        link->idle_bundles = bundle->next_idle;
    }
    (void)pthread_mutex_unlock(&link->lock);
    return bundle != NULL ? bundle : make_bundle(link);
}

static struct link_bundle *make_bundle(struct link *link)
{
    struct link_bundle *bundle = calloc(1, sizeof *bundle);
    if (bundle == NULL) {
        return NULL;
    }
    bundle->link = link;
    bundle->carrier = link_exchange_create(link, on_carried, bundle);
    if (bundle->carrier == NULL) {
        free(bundle);
        return NULL;
    }
    (void)pthread_mutex_lock(&link->lock);
    bundle->next = link->bundles;
    link->bundles = bundle;
    (void)pthread_mutex_unlock(&link->lock);
    return bundle;
}

static void give_back(struct link_bundle *bundle)
{
    struct link *link = bundle->link;
    (void)pthread_mutex_lock(&link->lock);
    bundle->next_idle = link->idle_bundles;
    link->idle_bundles = bundle;
    (void)pthread_mutex_unlock(&link->lock);
}

static void disown(struct link_bundle *bundle)
{
    if (atomic_fetch_sub(&bundle->owners, 1) == 1) {
        give_back(bundle);
    }
}

/* False when memory is out. */
static bool write_bundle(struct link_bundle *bundle, struct link_exchange **members, size_t count)
{
    struct bytes parts[BUNDLE_PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        parts[i] = bytes_of(nng_msg_body(members[i]->message), nng_msg_len(members[i]->message));
        bundle->members[i] = members[i];
    }
    bundle->count = count;
    uint8_t *out = link_exchange_request(bundle->carrier, bundle_size(parts, count));
    if (out == NULL) {
        return false;
    }
    bundle_write(parts, count, out);
    return true;
}

/* From here on a cancellation may end a member at any time, and it may be in another bundle at
 * once; one that came before is looked for. Returns how many ms the last of them has. */
static int64_t hand_over(struct link_bundle *bundle)
{
    struct link *link = bundle->link;
    int64_t most_ms = 0;
    atomic_store(&bundle->left, bundle->count);
    atomic_store(&bundle->owners, bundle->count + 1);
    for (size_t i = 0; i < bundle->count; i++) {
        struct link_exchange *member = bundle->members[i];
        int64_t left_ms = link_exchange_remaining_ms(member);
        most_ms = left_ms > most_ms ? left_ms : most_ms;
        bundle->tickets[i] = atomic_fetch_add(&link->tickets, 1) + 1;
        member->bundle = bundle;
        atomic_store(&member->ticket, bundle->tickets[i]);
        if (atomic_load(&member->is_cancelled) && link_go_inside(link)) {
            drop(member, bundle->tickets[i]);
            link_go_outside(link);
        }
    }
    return most_ms;
}

void link_bundle_drop(struct link_exchange *exchange)
{
    unsigned long long ticket = atomic_load(&exchange->ticket);
    if (ticket != 0) {
        drop(exchange, ticket);
    }
}

/* With the last of its members a bundle's message is not waited for any more. */
static void drop(struct link_exchange *exchange, unsigned long long ticket)
{
    if (!take_ticket(exchange, ticket)) {
        return;
    }
    struct link_bundle *bundle = exchange->bundle;
    nng_sleep_aio(0, exchange->dropped);
    if (atomic_fetch_sub(&bundle->left, 1) == 1) {
        link_exchange_cancel(bundle->carrier);
    }
    disown(bundle);
}

static void on_carried(void *context)
{
    struct link_bundle *bundle = context;
    struct link *link = bundle->link;
    struct bytes parts[BUNDLE_PARTS_MAX] = {{0}};
    enum link_outcome outcome = read_answer(bundle, parts);
    bool is_told = link->on_many_begin(link->context);
    for (size_t i = 0; i < bundle->count; i++) {
        struct link_exchange *member = bundle->members[i];
        if (take_ticket(member, bundle->tickets[i])) {
            (void)atomic_fetch_sub(&bundle->left, 1);
            end_member(member, outcome, parts[i]);
            disown(bundle);
        }
    }
    link_exchange_reset(bundle->carrier);
    disown(bundle);
    if (is_told) {
        link->on_many_end(link->context);
    }
    (void)atomic_fetch_sub(&link->carrying, 1); /* the last look at the link */
}

static void end_member(struct link_exchange *member, enum link_outcome outcome, struct bytes answer)
{
    bool is_lost = outcome == LINK_ANSWERED && !put_answer(member, answer);
    member->outcome = is_lost ? LINK_LOST : outcome;
    link_exchange_end(member);
}

/* A server that does not know bundles takes one for a message that it cannot read, so nothing of it
 * was done: as if it had not been sent. An answer that is a bundle, but not the one that is due,
 * says nothing of what was done. */
static enum link_outcome read_answer(struct link_bundle *bundle,
                                     struct bytes parts_out[BUNDLE_PARTS_MAX])
{
    enum link_outcome outcome = link_exchange_outcome(bundle->carrier);
    if (outcome != LINK_ANSWERED) {
        return outcome;
    }
    struct bytes answer = link_exchange_answer(bundle->carrier);
    if (!bundle_is(answer)) {
        atomic_store(&bundle->link->plain, bundle->connection);
        return LINK_NOT_SENT;
    }
    return bundle_read(answer, parts_out) == bundle->count ? LINK_ANSWERED : LINK_LOST;
}

static bool take_ticket(struct link_exchange *exchange, unsigned long long ticket)
{
    return atomic_compare_exchange_strong(&exchange->ticket, &ticket, 0);
}

/* Over the request, of which nothing is needed any more. False when memory is out. */
static bool put_answer(struct link_exchange *exchange, struct bytes answer)
{
    nng_msg_clear(exchange->message);
    return nng_msg_append(exchange->message, answer.data, answer.size) == 0;
}

void link_bundles_destroy(struct link *link)
{
    while (link->bundles != NULL) {
        struct link_bundle *bundle = link->bundles;
        link->bundles = bundle->next;
        link_exchange_destroy(&bundle->carrier);
        free(bundle);
    }
}
