/* See query_dead_letters.h. */
#include "server/query_dead_letters.h"

#include <inttypes.h>
#include <shop/v1/admin_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/dead_letters.h"
#include "server/query.h"
#include "server/refusals.h"

#define LIST_NAME "dead_letters"

static void list(struct shop_lane *lane, struct rpc_call *call);
static void get(struct shop_lane *lane, struct rpc_call *call);
static void requeue(struct shop_lane *lane, struct rpc_call *call);
static void discard(struct shop_lane *lane, struct rpc_call *call);
static void decide(struct shop_lane *lane, struct rpc_call *call, const char *id_text,
                   enum letter_state state);
static enum status find(struct shop_lane *lane, struct rpc_call *call, const char *id_text,
                        struct letter **letter_out, struct failure *failure);
static enum status read_id(const char *text, int64_t *id_out, struct failure *failure);
static Shop__V1__DeadLetter *make_letter(const struct letter *letter, struct arena *arena);
static Google__Protobuf__Timestamp *make_time(int64_t unix_us, struct arena *arena);

/* protobuf-c's structs hold char * also for what is only read. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

void list_dead_letters(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, list);
}

void get_dead_letters(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, get);
}

void requeue_dead_letters(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, requeue);
}

void discard_dead_letters(void *lane, struct rpc_call **calls, size_t count)
{
    query_each(lane, calls, count, discard);
}

static void list(struct shop_lane *lane, struct rpc_call *call)
{
    const Shop__V1__ListDeadLettersRequest *request =
        (const Shop__V1__ListDeadLettersRequest *)rpc_call_request(call);
    struct query_page page;
    struct letter *letters = NULL;
    size_t count = 0;
    char last[24] = "";
    struct failure failure, cause;
    Shop__V1__ListDeadLettersResponse response = SHOP__V1__LIST_DEAD_LETTERS_RESPONSE__INIT;
    enum status status = query_read_page(lane, call, LIST_NAME, &page, &failure);
    if (status == STATUS_OK) {
        int64_t before = page.after[0] != '\0' ? strtoll(page.after, NULL, 10) : INT64_MAX;
        status = letters_list(lane->postgres, (enum letter_state)((int)request->state - 1), before,
                              page.size + 1, &lane->arena, query_deadline_ms(lane, &call, 1),
                              &letters, &count, &cause);
        status = status == STATUS_OK
                     ? status
                     : shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    if (status == STATUS_OK && count > (size_t)page.size) {
        count = (size_t)page.size;
        (void)snprintf(last, sizeof last, "%" PRId64, letters[count - 1].letter_id);
    }
    const char *next = "";
    if (status == STATUS_OK) {
        status = query_next_page(lane, LIST_NAME, last[0] != '\0' ? last : NULL, &next, &failure);
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    response.next_page_token = text(next);
    response.dead_letters = arena_calloc(&lane->arena, count, sizeof *response.dead_letters);
    for (size_t i = 0; i < count && response.dead_letters != NULL; i++) {
        response.dead_letters[i] = make_letter(&letters[i], &lane->arena);
        if (response.dead_letters[i] == NULL) {
            query_overloaded(&call, 1);
            return;
        }
        response.n_dead_letters++;
    }
    query_reply(call, &response.base);
}

static void get(struct shop_lane *lane, struct rpc_call *call)
{
    const Shop__V1__GetDeadLetterRequest *request =
        (const Shop__V1__GetDeadLetterRequest *)rpc_call_request(call);
    struct letter *letter;
    struct failure failure;
    if (find(lane, call, request->dead_letter_id, &letter, &failure) != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    Shop__V1__DeadLetter *message = make_letter(letter, &lane->arena);
    query_reply(call, message != NULL ? &message->base : NULL);
}

static void requeue(struct shop_lane *lane, struct rpc_call *call)
{
    const Shop__V1__RequeueDeadLetterRequest *request =
        (const Shop__V1__RequeueDeadLetterRequest *)rpc_call_request(call);
    decide(lane, call, request->dead_letter_id, LETTER_REQUEUED);
}

static void discard(struct shop_lane *lane, struct rpc_call *call)
{
    const Shop__V1__DiscardDeadLetterRequest *request =
        (const Shop__V1__DiscardDeadLetterRequest *)rpc_call_request(call);
    decide(lane, call, request->dead_letter_id, LETTER_DISCARDED);
}

/* Already decided the same way is as good as decided now. */
static void decide(struct shop_lane *lane, struct rpc_call *call, const char *id_text,
                   enum letter_state state)
{
    struct letter *letter = NULL;
    struct failure failure, cause;
    enum status status = find(lane, call, id_text, &letter, &failure);
    if (status == STATUS_OK &&
        letters_decide(lane->postgres, lane->options->shard, letter->letter_id, state,
                       rpc_call_principal(call), &lane->arena, query_deadline_ms(lane, &call, 1),
                       &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    if (status == STATUS_OK) {
        status = find(lane, call, id_text, &letter, &failure);
    }
    bool is_done =
        status == STATUS_OK &&
        (letter->state == state || (state == LETTER_REQUEUED && letter->state != LETTER_DISCARDED));
    if (status == STATUS_OK && !is_done) {
        status = failure_set(&failure, STATUS_FAILED_PRECONDITION, "LETTER_DECIDED",
                             "nothing was done: it is requeued, discarded or stored already");
    }
    if (status != STATUS_OK) {
        rpc_fail(call, &failure);
        return;
    }
    Shop__V1__DeadLetter *message = make_letter(letter, &lane->arena);
    query_reply(call, message != NULL ? &message->base : NULL);
}

static enum status find(struct shop_lane *lane, struct rpc_call *call, const char *id_text,
                        struct letter **letter_out, struct failure *failure)
{
    int64_t id = 0;
    struct failure cause;
    enum status status = read_id(id_text, &id, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (letters_find(lane->postgres, id, &lane->arena, query_deadline_ms(lane, &call, 1),
                     letter_out, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    return *letter_out != NULL ? STATUS_OK
                               : failure_set(failure, STATUS_NOT_FOUND, "LETTER_NOT_FOUND",
                                             "there is no dead letter %" PRId64, id);
}

static enum status read_id(const char *id_text, int64_t *id_out, struct failure *failure)
{
    char *end;
    long long id = strtoll(id_text, &end, 10);
    if (id_text[0] == '\0' || *end != '\0' || id <= 0) {
        return failure_set_field(failure, "dead_letter_id", "BAD_ID",
                                 "a dead_letter_id is a whole number above 0");
    }
    *id_out = id;
    return STATUS_OK;
}

static Shop__V1__DeadLetter *make_letter(const struct letter *letter, struct arena *arena)
{
    Shop__V1__DeadLetter *message = arena_alloc(arena, sizeof *message);
    Shop__V1__DeadLetter__Units *units = arena_calloc(arena, letter->unit_count, sizeof *units);
    Shop__V1__DeadLetter__Units **list =
        arena_calloc(arena, letter->unit_count, sizeof(Shop__V1__DeadLetter__Units *));
    char *id = arena_alloc(arena, 24);
    if (message == NULL || id == NULL ||
        (letter->unit_count > 0 && (units == NULL || list == NULL))) {
        return NULL;
    }
    shop__v1__dead_letter__init(message);
    (void)snprintf(id, 24, "%" PRId64, letter->letter_id);
    message->dead_letter_id = id;
    message->state = (Shop__V1__DeadLetter__State)((int)letter->state + 1);
    message->create_time = make_time(letter->create_time_us, arena);
    message->decide_time = make_time(letter->decide_time_us, arena);
    message->reason = text(letter->reason);
    message->message = text(letter->message);
    message->routing_key = text(letter->routing_key);
    message->event_id = text(letter->event_id);
    message->decide_actor = text(letter->decide_actor);
    message->body.data = (uint8_t *)(uintptr_t)letter->body.data;
    message->body.len = letter->body.size;
    for (size_t i = 0; i < letter->unit_count; i++) {
        shop__v1__dead_letter__units__init(&units[i]);
        units[i].product_id = text(letter->units[i].product_id);
        units[i].quantity = letter->units[i].quantity;
        list[i] = &units[i];
    }
    message->units = list;
    message->n_units = letter->unit_count;
    return message;
}

static Google__Protobuf__Timestamp *make_time(int64_t unix_us, struct arena *arena)
{
    Google__Protobuf__Timestamp *time = unix_us != 0 ? arena_alloc(arena, sizeof *time) : NULL;
    if (time != NULL) {
        google__protobuf__timestamp__init(time);
        time->seconds = unix_us / 1000000;
        time->nanos = (int32_t)(unix_us % 1000000 * 1000);
    }
    return time;
}
