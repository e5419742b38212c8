/* Window: see window.h. A slot goes FREE -> TAKEN -> FLYING -> ANSWERED -> (WAITING -> FLYING ...)
 * -> FREE; only the step to ANSWERED is made by the channel's thread. */
#include "client/cli/window.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/wait.h"
#include "client/client_call.h"

#define JOB_CHUNK_BYTES (16 * 1024)
#define JOB_BYTES_MAX   (8 * 1024 * 1024) /* an order of 2,000 lines, asked for and answered */
#define WAIT_MS_MOST    1000

enum slot_state {
    SLOT_FREE,
    SLOT_TAKEN,
    SLOT_FLYING,
    SLOT_ANSWERED,
    SLOT_WAITING,
};

struct slot {
    struct window_job job; /* first: the owner has pointers to it */
    struct window *window;
    struct rpc_stub stub;
    enum slot_state state;
    unsigned attempts;
    int64_t begun_ms; /* the first attempt */
    int64_t due_ms;   /* WAITING: when to try again */
};

struct window {
    struct window_options options;
    pthread_mutex_t mutex; /* guards every slot's state */
    pthread_cond_t answered;
    int64_t last_answer_ms;
    bool dead;
    struct slot slots[];
};

static void on_response(const ProtobufCMessage *response, void *data);
static void settle(struct window *window, bool give_up);
static void settle_answer(struct window *window, struct slot *slot, bool give_up);
static bool is_unfinished(const struct window *window, struct window_job *job);
static void finish(struct window *window, struct slot *slot);
static void fly(struct slot *slot);
static void wait_for_answer(struct window *window);
static bool is_idle(struct window *window);
static enum slot_state state_of(struct slot *slot);
static void set_state(struct slot *slot, enum slot_state state);

struct window *window_create(const struct window_options *options)
{
    struct window *window = calloc(1, sizeof(*window) + options->size * sizeof(window->slots[0]));
    if (window == NULL) {
        return NULL;
    }
    window->options = *options;
    window->last_answer_ms = INT64_MIN;
    wait_init(&window->answered);
    pthread_mutex_init(&window->mutex, NULL);
    for (size_t i = 0; i < options->size; i++) {
        window->slots[i].window = window;
        arena_init(&window->slots[i].job.arena, JOB_CHUNK_BYTES, JOB_BYTES_MAX);
    }
    return window;
}

void window_destroy(struct window **window)
{
    if (*window == NULL) {
        return;
    }
    for (size_t i = 0; i < (*window)->options.size; i++) {
        arena_fini(&(*window)->slots[i].job.arena);
    }
    pthread_cond_destroy(&(*window)->answered);
    pthread_mutex_destroy(&(*window)->mutex);
    free(*window);
    *window = NULL;
}

struct window_job *window_take(struct window *window)
{
    for (;;) {
        settle(window, false);
        for (size_t i = 0; i < window->options.size; i++) {
            struct slot *slot = &window->slots[i];
            if (state_of(slot) == SLOT_FREE) {
                set_state(slot, SLOT_TAKEN);
                arena_reset(&slot->job.arena);
                return &slot->job;
            }
        }
        wait_for_answer(window);
    }
}

void window_start(struct window *window, struct window_job *job)
{
    struct slot *slot = (struct slot *)job;
    slot->attempts = 0;
    slot->begun_ms = clock_monotonic_ms(window->options.clock);
    fly(slot);
}

void window_drain(struct window *window, bool give_up)
{
    for (settle(window, give_up); !is_idle(window); settle(window, give_up)) {
        wait_for_answer(window);
    }
}

bool window_is_dead(const struct window *window)
{
    return window->dead;
}

/* On the channel's thread; the slot is nobody else's until it is ANSWERED. */
static void on_response(const ProtobufCMessage *response, void *data)
{
    struct slot *slot = data;
    slot->job.failure = slot->stub.failure;
    slot->job.response = NULL;
    if (response != NULL) {
        client_keep(response, &slot->job.arena, &slot->job.response, &slot->job.failure);
    }
    pthread_mutex_lock(&slot->window->mutex);
    slot->state = SLOT_ANSWERED;
    pthread_cond_signal(&slot->window->answered);
    pthread_mutex_unlock(&slot->window->mutex);
}

/* Deals with what was answered and repeats what is due. */
static void settle(struct window *window, bool give_up)
{
    for (size_t i = 0; i < window->options.size; i++) {
        struct slot *slot = &window->slots[i];
        enum slot_state state = state_of(slot);
        if (state == SLOT_ANSWERED) {
            settle_answer(window, slot, give_up);
        } else if (state == SLOT_WAITING && give_up) {
            finish(window, slot);
        } else if (state == SLOT_WAITING &&
                   clock_monotonic_ms(window->options.clock) >= slot->due_ms) {
            fly(slot);
        }
    }
}

static void settle_answer(struct window *window, struct slot *slot, bool give_up)
{
    const struct clock *clock = window->options.clock;
    const struct failure *failure = &slot->job.failure;
    if (slot->job.response != NULL || !client_may_retry(failure->code)) {
        window->last_answer_ms = clock_monotonic_ms(clock);
        if (!is_unfinished(window, &slot->job)) {
            finish(window, slot);
            return;
        }
    }
    slot->attempts++;
    if (give_up || slot->attempts == window->options.attempts) {
        window->dead = window->dead || window->last_answer_ms < slot->begun_ms;
        finish(window, slot);
        return;
    }
    int64_t wait_ms = clock_backoff_ms(clock, slot->attempts - 1, window->options.backoff_ms,
                                       window->options.backoff_ms_most);
    if (wait_ms < failure->retry_delay_ms) {
        wait_ms = failure->retry_delay_ms;
    }
    slot->due_ms = clock_monotonic_ms(clock) + wait_ms;
    set_state(slot, SLOT_WAITING);
}

static bool is_unfinished(const struct window *window, struct window_job *job)
{
    return job->response != NULL && window->options.is_unfinished != NULL &&
           window->options.is_unfinished(job);
}

static void finish(struct window *window, struct slot *slot)
{
    set_state(slot, SLOT_TAKEN);
    if (!window->options.on_end(window->options.context, window, &slot->job)) {
        set_state(slot, SLOT_FREE);
    }
}

static void fly(struct slot *slot)
{
    const struct window_options *options = &slot->window->options;
    rpc_stub_init(&slot->stub, options->channel, options->service);
    slot->stub.async = true;
    set_state(slot, SLOT_FLYING);
    rpc_stub_invoke(&slot->stub, client_method(options->service, slot->job.method),
                    slot->job.request, on_response, slot);
}

/* Until an answer is there or the next repetition is due. */
static void wait_for_answer(struct window *window)
{
    int64_t now_ms = clock_monotonic_ms(window->options.clock);
    int64_t wait_ms = WAIT_MS_MOST;
    bool answered = false;
    pthread_mutex_lock(&window->mutex);
    for (size_t i = 0; i < window->options.size; i++) {
        const struct slot *slot = &window->slots[i];
        answered = answered || slot->state == SLOT_ANSWERED;
        if (slot->state == SLOT_WAITING && slot->due_ms - now_ms < wait_ms) {
            wait_ms = slot->due_ms - now_ms;
        }
    }
    if (!answered && wait_ms > 0) {
        struct timespec until = wait_deadline(wait_ms);
        pthread_cond_timedwait(&window->answered, &window->mutex, &until);
    }
    pthread_mutex_unlock(&window->mutex);
}

static bool is_idle(struct window *window)
{
    for (size_t i = 0; i < window->options.size; i++) {
        enum slot_state state = state_of(&window->slots[i]);
        if (state != SLOT_FREE && state != SLOT_TAKEN) {
            return false;
        }
    }
    return true;
}

static enum slot_state state_of(struct slot *slot)
{
    pthread_mutex_lock(&slot->window->mutex);
    enum slot_state state = slot->state;
    pthread_mutex_unlock(&slot->window->mutex);
    return state;
}

static void set_state(struct slot *slot, enum slot_state state)
{
    pthread_mutex_lock(&slot->window->mutex);
    slot->state = state;
    pthread_mutex_unlock(&slot->window->mutex);
}
