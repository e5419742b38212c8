/* See call.h and call_pool.h. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/wait.h"
#include "rpc/call_pool.h"
#include "rpc/envelope_metadata.h"
#include "rpc/limits.h"
#include "rpc/message.h"

#define CALL_FIRST_CHUNK_BYTES 4096 /* an order of a dozen lines */
/* For failures that say nothing better: at once, and elsewhere if there is an elsewhere, but not in
 * a spin. */
#define RETRY_MS_DEFAULT 10

/* A busy machine delays an answer by as much as it delays the rest of a call. */
#define ANSWER_MARGIN_PART   20
#define ANSWER_MARGIN_MS_MIN 20
#define ANSWER_MARGIN_MS_MAX 200

struct call_pool {
    struct call_pool_options options;
    pthread_mutex_t lock;
    struct rpc_call *idle; /* the last used first: its memory is warm */
    size_t idle_count;
    pthread_cond_t empty;
    atomic_size_t admitted, admitted_bytes;
    atomic_bool is_awaited; /* somebody waits for `empty` */
};

static void give_back(struct rpc_call *call);
static void leave(struct rpc_call *call);
static bool may_be_repeated(enum status code);
static void answer(struct rpc_call *call, const struct failure *failure,
                   const ProtobufCMessage *response, size_t size);

struct call_pool *call_pool_create(const struct call_pool_options *options)
{
    struct call_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->options = *options;
    (void)pthread_mutex_init(&pool->lock, NULL);
    wait_init(&pool->empty);
    return pool;
}

static void free_call(struct rpc_call *call)
{
    arena_fini(&call->arena);
    free(call);
}

void call_pool_destroy(struct call_pool **pool)
{
    if (*pool == NULL) {
        return;
    }
    for (struct rpc_call *call = (*pool)->idle; call != NULL;) {
        struct rpc_call *next = call->next;
        free_call(call);
        call = next;
    }
    (void)pthread_cond_destroy(&(*pool)->empty);
    (void)pthread_mutex_destroy(&(*pool)->lock);
    free(*pool);
    *pool = NULL;
}

struct rpc_call *call_pool_take(struct call_pool *pool, struct listener_request *request,
                                struct method_stats *stray)
{
    (void)pthread_mutex_lock(&pool->lock);
    struct rpc_call *call = pool->idle;
    if (call != NULL) {
        pool->idle = call->next;
        pool->idle_count--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (call == NULL) {
        call = malloc(sizeof *call);
        if (call == NULL) {
            return NULL;
        }
        arena_init(&call->arena, CALL_FIRST_CHUNK_BYTES, RPC_CALL_MEMORY_BYTES_MAX);
    }
    call->pool = pool;
    call->request = request;
    call->route = NULL;
    call->envelope = (struct envelope_request){.method = "", .call_id = "", .traceparent = ""};
    call->message = NULL;
    call->arrived_us = clock_monotonic_us(pool->options.clock);
    call->deadline_ms = 0;
    call->stats = stray;
    call->is_admitted = false;
    call->principal[0] = '\0';
    return call;
}

void call_set_route(struct rpc_call *call, const struct route *route)
{
    call->route = route;
    call->stats = route->stats;
    method_stats_start(call->stats);
}

static void give_back(struct rpc_call *call)
{
    struct call_pool *pool = call->pool;
    arena_reset(&call->arena);
    (void)pthread_mutex_lock(&pool->lock);
    bool kept = pool->idle_count < pool->options.idle_max;
    if (kept) {
        call->next = pool->idle;
        pool->idle = call;
        pool->idle_count++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (!kept) {
        free_call(call);
    }
}

bool call_admit(struct rpc_call *call)
{
    struct call_pool *pool = call->pool;
    call->is_admitted = true;
    call->admitted_bytes = listener_request_message(call->request).size;
    size_t calls = atomic_fetch_add(&pool->admitted, 1) + 1;
    size_t bytes =
        atomic_fetch_add(&pool->admitted_bytes, call->admitted_bytes) + call->admitted_bytes;
    if (calls > pool->options.inflight_max || bytes > RPC_INFLIGHT_BYTES_MAX) {
        leave(call);
        return false;
    }
    return true;
}

static void leave(struct rpc_call *call)
{
    if (!call->is_admitted) {
        return;
    }
    struct call_pool *pool = call->pool;
    call->is_admitted = false;
    (void)atomic_fetch_sub(&pool->admitted_bytes, call->admitted_bytes);
    if (atomic_fetch_sub(&pool->admitted, 1) == 1 && atomic_load(&pool->is_awaited)) {
        (void)pthread_mutex_lock(&pool->lock);
        (void)pthread_cond_broadcast(&pool->empty);
        (void)pthread_mutex_unlock(&pool->lock);
    }
}

uint64_t call_pool_inflight(const struct call_pool *pool, uint64_t *most_out)
{
    *most_out = pool->options.inflight_max;
    return atomic_load(&pool->admitted);
}

bool call_pool_wait_empty(struct call_pool *pool, int64_t timeout_ms)
{
    struct timespec until = wait_deadline(timeout_ms);
    atomic_store(&pool->is_awaited, true);
    (void)pthread_mutex_lock(&pool->lock);
    int waited = 0;
    while (atomic_load(&pool->admitted) > 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&pool->empty, &pool->lock, &until);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return atomic_load(&pool->admitted) == 0;
}

enum status call_decode(struct rpc_call *call)
{
    return message_decode(call->route->method->input, call->envelope.payload, &call->arena,
                          &call->message, &call->failure);
}

const ProtobufCMessage *rpc_call_request(const struct rpc_call *call)
{
    return call->message;
}

struct arena *rpc_call_arena(struct rpc_call *call)
{
    return &call->arena;
}

const char *rpc_call_method(const struct rpc_call *call)
{
    return call->envelope.method;
}

const void *rpc_call_tag(const struct rpc_call *call)
{
    return call->route->tag;
}

const char *rpc_call_id(const struct rpc_call *call)
{
    return call->envelope.call_id;
}

const char *rpc_call_traceparent(const struct rpc_call *call)
{
    return call->envelope.traceparent;
}

bool rpc_call_metadata(const struct rpc_call *call, const char *key, struct bytes *value_out)
{
    const struct rpc_metadata *found =
        metadata_find(call->envelope.metadata, call->envelope.metadata_count, key);
    if (found == NULL) {
        return false;
    }
    *value_out = found->value;
    return true;
}

int64_t rpc_call_deadline_ms(const struct rpc_call *call)
{
    return call->deadline_ms;
}

int64_t rpc_call_answer_by_ms(const struct rpc_call *call)
{
    int64_t margin_ms = (call->deadline_ms - call->arrived_us / 1000) / ANSWER_MARGIN_PART;
    margin_ms = margin_ms < ANSWER_MARGIN_MS_MIN ? ANSWER_MARGIN_MS_MIN : margin_ms;
    margin_ms = margin_ms > ANSWER_MARGIN_MS_MAX ? ANSWER_MARGIN_MS_MAX : margin_ms;
    return call->deadline_ms - margin_ms;
}

bool rpc_call_is_local(const struct rpc_call *call)
{
    return listener_request_is_local(call->request) && !call->envelope.is_forwarded;
}

const char *rpc_call_principal(const struct rpc_call *call)
{
    /* Asking the system costs more than the rest of a small call: only for those who want to know.
     * A call has one owner at a time, so nobody else writes there. */
    char *principal = (char *)(uintptr_t)call->principal;
    if (principal[0] == '\0') {
        listener_request_principal(call->request, principal);
    }
    return principal;
}

void rpc_reply(struct rpc_call *call, const ProtobufCMessage *response)
{
    /* Room for the envelope of a success: two texts of 64 bytes. */
    const size_t payload_max = RPC_MESSAGE_BYTES_MAX - 256;
    size_t size = protobuf_c_message_get_packed_size(response);
    if (size > payload_max) {
        (void)failure_set(&call->failure, STATUS_INTERNAL, "RESPONSE_TOO_LARGE",
                          "the answer has %zu bytes, more than fit into a message", size);
        rpc_fail(call, &call->failure);
        return;
    }
    answer(call, NULL, response, size);
}

/* Whatever may be repeated says when: here, so that no handler can forget it. */
void rpc_fail(struct rpc_call *call, const struct failure *failure)
{
    if (failure->retry_delay_ms == 0 && may_be_repeated(failure->code)) {
        if (failure != &call->failure) {
            call->failure = *failure;
        }
        call->failure.retry_delay_ms = RETRY_MS_DEFAULT;
        failure = &call->failure;
    }
    answer(call, failure, NULL, 0);
}

/* docs/ERRORS.md: what a code says about the call. */
static bool may_be_repeated(enum status code)
{
    return code == STATUS_UNAVAILABLE || code == STATUS_RESOURCE_EXHAUSTED ||
           code == STATUS_ABORTED || code == STATUS_UNKNOWN || code == STATUS_DEADLINE_EXCEEDED;
}

static void note_answer(struct rpc_call *call, const struct failure *failure)
{
    const struct call_pool_options *options = &call->pool->options;
    int64_t duration_us = clock_monotonic_us(options->clock) - call->arrived_us;
    int64_t unix_us = failure != NULL ? clock_unix_us(options->clock) : 0;
    method_stats_end(call->stats, failure, duration_us, unix_us);
    if (options->on_access == NULL || (failure == NULL && !options->access_all)) {
        return;
    }
    char peer[RPC_PEER_BYTES];
    listener_request_peer(call->request, peer);
    const struct rpc_access access = {
        .method = call->envelope.method,
        .call_id = call->envelope.call_id,
        .attempt = call->envelope.attempt,
        .traceparent = call->envelope.traceparent,
        .peer = peer,
        .principal = rpc_call_principal(call),
        .failure = failure,
        .duration_us = duration_us,
    };
    options->on_access(options->access_context, &access);
}

static void answer(struct rpc_call *call, const struct failure *failure,
                   const ProtobufCMessage *response, size_t size)
{
    struct envelope_response envelope = {
        .failure = failure,
        .call_id = call->envelope.call_id,
        .server_id = call->pool->options.server_id,
        .domain = call->pool->options.error_domain,
    };
    /* Before the answer: who has it may send the next call at once, and must find room. */
    leave(call);
    note_answer(call, failure);
    listener_answer(call->request, &envelope, response, size);
    give_back(call);
}

void call_pool_refuse(struct call_pool *pool, struct listener_request *request,
                      const struct failure *failure)
{
    struct envelope_response envelope = {
        .failure = failure,
        .call_id = "",
        .server_id = pool->options.server_id,
        .domain = pool->options.error_domain,
    };
    listener_answer(request, &envelope, NULL, 0);
}
