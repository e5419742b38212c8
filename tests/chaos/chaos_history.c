/* See chaos_history.h. */
#include "tests/chaos/chaos_history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shop/order.h"

static enum chaos_verdict judge(enum chaos_kind kind, const struct chaos_answer *answer);
static bool is_refusal_of_verb(const struct chaos_answer *answer);
static void tell_order(struct chaos_history *history, struct chaos_request *request,
                       const struct chaos_answer *answer);
static void tally(struct chaos_history *history, enum chaos_kind kind,
                  const struct chaos_answer *answer);
static void take_success(struct chaos_request *request, const struct chaos_answer *answer);
static void take_refusal(struct chaos_request *request, const struct chaos_answer *answer);

static _Atomic size_t violations, shown_max;
static _Atomic int64_t redis_lost_ms;

static const char *const KINDS[] = {"create", "adjust", "confirm", "cancel", "fulfil", "get"};
static const char *const DURABILITIES[] = {"-", "RESERVED", "QUEUED", "PERSISTED"};

void chaos_violation(const char *format, ...)
{
    if (atomic_fetch_add(&violations, 1) >= shown_max) {
        return;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)printf("VIOLATION: %s\n", text);
    (void)fflush(stdout);
}

size_t chaos_violations(void)
{
    return violations;
}

void chaos_forget_violations(size_t shown)
{
    shown_max = shown;
    violations = 0;
}

void chaos_note_redis_lost(void)
{
    redis_lost_ms = clock_monotonic_ms(clock_system());
}

void chaos_history_init(struct chaos_history *history, int client, const char *directory)
{
    char path[160];
    memset(history, 0, sizeof *history);
    history->client = client;
    (void)snprintf(path, sizeof path, "%s/history.%d", directory, client);
    history->log = fopen(path, "w");
    if (history->log == NULL) {
        abort();
    }
    (void)setvbuf(history->log, NULL, _IOLBF, 4096);
}

void chaos_history_fini(struct chaos_history *history)
{
    (void)fclose(history->log);
    free(history->requests);
    *history = (struct chaos_history){0};
}

struct chaos_request *chaos_history_add(struct chaos_history *history)
{
    if (history->count == history->room) {
        history->room = history->room * 2 + 1024;
        struct chaos_request *more =
            realloc(history->requests, history->room * sizeof history->requests[0]);
        if (more == NULL) {
            abort();
        }
        history->requests = more;
    }
    struct chaos_request *request = &history->requests[history->count++];
    memset(request, 0, sizeof *request);
    return request;
}

static void write_line(struct chaos_history *history, const struct chaos_request *request,
                       enum chaos_kind kind, const char *what)
{
    (void)fprintf(history->log, "%" PRId64 " %d %s %s %s\n", clock_unix_us(clock_system()),
                  history->client, KINDS[kind], request->id, what);
}

void chaos_history_invoke(struct chaos_history *history, struct chaos_request *request)
{
    history->attempts++;
    request->invoked_ms = clock_monotonic_ms(clock_system());
    write_line(history, request, request->kind, "invoke");
}

enum chaos_verdict chaos_history_conclude(struct chaos_history *history,
                                          struct chaos_request *request,
                                          const struct chaos_answer *answer)
{
    static const char *const words[] = {"ok", "refused", "fail", "info", "unexpected"};
    enum chaos_verdict verdict = judge(request->kind, answer);
    char text[256];
    (void)snprintf(text, sizeof text, "%s %s %s %s", words[verdict], answer->reason,
                   answer->made_id, DURABILITIES[answer->durability]);
    write_line(history, request, request->kind, text);
    tally(history, request->kind, answer);
    switch (verdict) {
    case CHAOS_OK:
        take_success(request, answer);
        break;
    case CHAOS_REFUSED:
        take_refusal(request, answer);
        break;
    case CHAOS_NOT_DONE:
        break;
    case CHAOS_UNSURE:
        request->maybe = true;
        break;
    case CHAOS_UNEXPECTED:
        chaos_violation("%s %s: answered %s %s", KINDS[request->kind], request->id,
                        status_name(answer->code), answer->reason);
        request->maybe = true;
        break;
    }
    if (chaos_is_verb(request->kind)) {
        tell_order(history, request, answer);
    }
    return verdict;
}

static enum chaos_verdict judge(enum chaos_kind kind, const struct chaos_answer *answer)
{
    if (answer->code == STATUS_OK) {
        return CHAOS_OK;
    }
    if (answer->code == STATUS_UNAVAILABLE || answer->code == STATUS_RESOURCE_EXHAUSTED ||
        answer->code == STATUS_ABORTED) {
        return CHAOS_NOT_DONE;
    }
    if (answer->code == STATUS_UNKNOWN || answer->code == STATUS_DEADLINE_EXCEEDED) {
        return CHAOS_UNSURE;
    }
    if (answer->code == STATUS_FAILED_PRECONDITION &&
        (strcmp(answer->reason, "OUT_OF_STOCK") == 0 ||
         strcmp(answer->reason, "WOULD_OVERSELL") == 0)) {
        return CHAOS_REFUSED;
    }
    if (chaos_is_verb(kind) && is_refusal_of_verb(answer)) {
        return CHAOS_REFUSED;
    }
    return CHAOS_UNEXPECTED;
}

/* By what the order had become, or because it was lost with Redis (the checker knows whether it may
 * have been). */
static bool is_refusal_of_verb(const struct chaos_answer *answer)
{
    static const char *const reasons[] = {"WRONG_STATE", "ORDER_EXPIRED", "NOTHING_TO_CANCEL",
                                          "ORDER_NOT_FOUND"};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(answer->reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool chaos_is_verb(enum chaos_kind kind)
{
    return kind == CHAOS_CONFIRM || kind == CHAOS_CANCEL || kind == CHAOS_FULFIL;
}

/* Answered OK, but the order was in another end already, or had nothing left to do: not done. */
static bool shows(enum chaos_kind kind, int state)
{
    return (kind == CHAOS_CONFIRM && (state == ORDER_CONFIRMED || state == ORDER_FULFILLED)) ||
           (kind == CHAOS_CANCEL && state == ORDER_CANCELLED) ||
           (kind == CHAOS_FULFIL && state == ORDER_FULFILLED);
}

/* An end that is safe is the order's for good; so is the order. */
static void see_state(struct chaos_request *order, const struct chaos_answer *answer)
{
    if (answer->code != STATUS_OK || answer->durability < 2) {
        return;
    }
    order->accepted = true;
    if (order->ended_state != 0 && order->ended_state != answer->state) {
        chaos_violation("order %s had ended in state %d and is in %d", order->made_id,
                        order->ended_state, answer->state);
    }
    if (answer->state == ORDER_CANCELLED || answer->state == ORDER_FULFILLED ||
        answer->state == ORDER_EXPIRED) {
        order->ended_state = answer->state;
    }
}

/* What the order's request has to be told of its verbs. */
static void tell_order(struct chaos_history *history, struct chaos_request *request,
                       const struct chaos_answer *answer)
{
    struct chaos_request *order = &history->requests[request->order];
    order->asked |= request->maybe ? CHAOS_BIT(request->kind) : 0;
    if (answer->code == STATUS_OK) { /* each verb once an order: these did not change it */
        request->noted = (request->kind == CHAOS_CONFIRM && !order->held) ||
                         (request->kind == CHAOS_CANCEL && answer->state == ORDER_EXPIRED);
    }
    bool done =
        answer->code == STATUS_OK && answer->durability >= 2 && shows(request->kind, answer->state);
    order->done |= done ? CHAOS_BIT(request->kind) : 0;
    see_state(order, answer);
    if (answer->code == STATUS_NOT_FOUND && order->accepted) {
        chaos_violation("order %s was accepted and is not found by a %s", order->made_id,
                        KINDS[request->kind]);
    }
}

static void tally(struct chaos_history *history, enum chaos_kind kind,
                  const struct chaos_answer *answer)
{
    char name[sizeof history->tallies[0].name];
    const char *detail =
        answer->code == STATUS_OK ? DURABILITIES[answer->durability] : answer->reason;
    (void)snprintf(name, sizeof name, "%s %s %.40s", KINDS[kind], status_name(answer->code),
                   detail);
    for (size_t i = 0; i < CHAOS_TALLIES_MAX; i++) {
        struct chaos_tally *entry = &history->tallies[i];
        if (entry->count == 0) {
            memcpy(entry->name, name, sizeof name);
        }
        if (strcmp(entry->name, name) == 0) {
            entry->count++;
            return;
        }
    }
}

static bool is_forgotten(int64_t since_ms)
{
    return redis_lost_ms >= since_ms;
}

static void take_success(struct chaos_request *request, const struct chaos_answer *answer)
{
    const char *kind = KINDS[request->kind];
    if (request->made_id[0] != '\0' && strcmp(request->made_id, answer->made_id) != 0) {
        chaos_violation("%s %s: was %s, then %s", kind, request->id, request->made_id,
                        answer->made_id);
    }
    if (request->refused_ms != 0 && !request->refused_for_now &&
        !is_forgotten(request->refused_ms)) {
        chaos_violation("%s %s: refused, then accepted", kind, request->id);
    }
    (void)snprintf(request->made_id, sizeof request->made_id, "%s", answer->made_id);
    if (answer->durability >= 2) {
        request->accepted_ms = request->invoked_ms;
        request->accepted = true;
    } else {
        request->reserved = true;
    }
    request->maybe = true;
}

/* A verb's refusal is not remembered: it says what the order is. Most say that it has ended, and
 * that is for good. Only an order that is held may be confirmed yet, and one that was RESERVED and
 * lost may be made again by its own request. */
static bool is_for_now(const struct chaos_request *request, const struct chaos_answer *answer)
{
    return (request->kind == CHAOS_FULFIL && answer->is_pending) ||
           (chaos_is_verb(request->kind) && answer->code == STATUS_NOT_FOUND);
}

static void take_refusal(struct chaos_request *request, const struct chaos_answer *answer)
{
    bool forgotten = request->noted && is_forgotten(request->accepted_ms);
    if (request->accepted && !forgotten) {
        chaos_violation("%s %s: accepted, then refused with %s", KINDS[request->kind], request->id,
                        answer->reason);
    }
    request->refused_ms = request->invoked_ms;
    request->refused_for_now = is_for_now(request, answer);
    request->maybe = request->maybe && chaos_is_verb(request->kind);
}

void chaos_history_read(struct chaos_history *history, const struct chaos_request *request,
                        const struct chaos_answer *answer, size_t line_count)
{
    char text[160];
    (void)snprintf(text, sizeof text, "%s %s %s", status_name(answer->code), answer->reason,
                   answer->made_id);
    write_line(history, request, CHAOS_GET, text);
    tally(history, CHAOS_GET, answer);
    history->attempts++;
    if (answer->code == STATUS_NOT_FOUND && request->accepted) {
        chaos_violation("order %s (%s) was accepted and is not found", request->made_id,
                        request->id);
    }
    if (answer->code == STATUS_OK && line_count != request->line_count) {
        chaos_violation("order %s has %zu lines instead of %zu", request->made_id, line_count,
                        request->line_count);
    }
}
