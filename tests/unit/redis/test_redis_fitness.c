/* What Redis says of itself before a program trusts it. */
#include <stdio.h>
#include <string.h>

#include "redis/redis_fitness.h"
#include "redis/redis_link.h"
#include "tests/cmocka_all.h"
#include "tests/unit/redis/fake_redis.h"

#define MEMORY "maxmemory_policy:noeviction\r\n"

static enum status look(const char *persistence, struct failure *failure)
{
    char script[256];
    struct fake_redis fake;
    struct redis_link *link;
    (void)snprintf(script, sizeof script, "$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(MEMORY), MEMORY,
                   strlen(persistence), persistence);
    fake_redis_start(&fake, script, true);
    const struct redis_link_options options = {.url = fake.url,
                                               .connect_timeout_ms = 1000,
                                               .command_timeout_ms = 1000,
                                               .clock = clock_system()};
    assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
    enum status status = redis_fitness_look(link, false, failure);
    redis_link_destroy(&link);
    fake_redis_stop(&fake);
    return status;
}

/* While it reads its file, Redis says that it writes none: a restart is no reason to refuse it. */
static void test_a_redis_that_is_loading_is_waited_for(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(look("loading:1\r\naof_enabled:0\r\n", &failure), STATUS_UNAVAILABLE);
    assert_int_equal(look("loading:0\r\naof_enabled:0\r\n", &failure), STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "REDIS_FORGETS");
    assert_int_equal(look("loading:0\r\naof_enabled:1\r\n", &failure), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_redis_that_is_loading_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
