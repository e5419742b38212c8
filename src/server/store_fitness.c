/* See store_fitness.h. */
#include "server/store_fitness.h"

#include "base/log.h"
#include "base/stop.h"
#include "postgres/postgres_fitness.h"
#include "redis/redis_fitness.h"
#include "server/shop_lane.h"

#define REDIS_EVERY_MS 5000 /* two lines of INFO */

static enum status refuse_or_wait(struct shop_lane *lane, struct failure *failure);
static enum status look(struct shop_lane *lane, struct failure *failure);
static bool is_refusal(enum status status);
static void watch_redis(struct shop_lane *lane);

enum status store_fitness_begin(struct lane_options *options, struct failure *failure)
{
    struct shop_lane *lane = shop_lane_open_write(options, failure);
    if (lane == NULL) {
        return failure->code;
    }
    enum status status = refuse_or_wait(lane, failure);
    shop_lane_close(lane);
    return status;
}

void store_fitness_step(struct shop_lane *lane)
{
    struct store_fitness *fitness = lane->options->fitness;
    if (fitness->redis && fitness->postgres && fitness->rabbitmq) {
        watch_redis(lane);
        return;
    }
    struct failure failure;
    if (refuse_or_wait(lane, &failure) != STATUS_OK) {
        stop_request();
    }
}

static enum status refuse_or_wait(struct shop_lane *lane, struct failure *failure)
{
    struct store_fitness *fitness = lane->options->fitness;
    enum status status = look(lane, failure);
    if (!is_refusal(status)) {
        return STATUS_OK;
    }
    fitness->refused = true;
    fitness->why = *failure;
    return status;
}

/* At all that was not seen yet; a store that is away does not hide what another one says. */
static enum status look(struct shop_lane *lane, struct failure *failure)
{
    struct store_fitness *fitness = lane->options->fitness;
    enum status status = STATUS_OK;
    if (!fitness->redis) {
        status = redis_fitness_look(lane->redis, fitness->may_forget, failure);
        fitness->redis = status == STATUS_OK;
    }
    if (!is_refusal(status) && !fitness->postgres) {
        status = postgres_fitness_look(&lane->fitness, lane->postgres, failure);
        fitness->postgres = status == STATUS_OK;
    }
    if (!is_refusal(status) && !fitness->rabbitmq) {
        status = broker_publisher_check(lane->publisher, failure);
        fitness->rabbitmq = status == STATUS_OK;
    }
    return status;
}

static bool is_refusal(enum status status)
{
    return status == STATUS_FAILED_PRECONDITION || status == STATUS_PERMISSION_DENIED;
}

/* Stock that is being sold is not fenced for it: nothing is lost yet. Somebody has to hear of it.
 */
static void watch_redis(struct shop_lane *lane)
{
    struct store_fitness *fitness = lane->options->fitness;
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    if (now_ms < fitness->next_ms) {
        return;
    }
    fitness->next_ms = now_ms + REDIS_EVERY_MS;
    struct failure failure;
    enum status status = redis_fitness_look(lane->redis, fitness->may_forget, &failure);
    bool unsafe = status == STATUS_FAILED_PRECONDITION;
    if (status != STATUS_OK && !unsafe) {
        return;
    }
    if (unsafe != atomic_exchange(&fitness->redis_unsafe, unsafe)) {
        log_line(unsafe ? LOG_ERROR : LOG_INFO,
                 unsafe ? "Redis is not set up as it was" : "Redis is set up as it should be",
                 "reason", unsafe ? failure.reason : "", "message", unsafe ? failure.message : "",
                 NULL);
    }
}
