/* The product cache against a real Redis: what its script decides. S35: a reader that was slow to
 * fill does not undo a later change. */
#include <stdio.h>

#include "redis/redis_link.h"
#include "server/product_cache.h"
#include "tests/cmocka_all.h"
#include "tests/support/redis_server.h"

static struct redis_server redis;
static struct redis_link *link;
static struct product_cache *cache;
static struct arena arena;
static struct failure failure;

static int setup(void **state)
{
    (void)state;
    redis_server_create(&redis);
    struct redis_link_options options = {
        .url = redis.url,
        .connect_timeout_ms = 5000,
        .command_timeout_ms = 5000,
        .clock = clock_system(),
    };
    assert_int_equal(redis_link_create(&options, &link, &failure), STATUS_OK);
    cache = product_cache_create(&(struct product_cache_options){
        .link = link, .clock = clock_system(), .ttl_ms = 60000, .missing_ttl_ms = 50});
    arena_init(&arena, 65536, 1 << 20);
    return cache == NULL;
}

static int teardown(void **state)
{
    (void)state;
    product_cache_destroy(&cache);
    redis_link_destroy(&link);
    redis_server_destroy(&redis);
    arena_fini(&arena);
    return 0;
}

static void command(const char *verb, const char *first, const char *second)
{
    const struct redis_reply *reply;
    redis_link_add_text(link, verb, first, second, NULL);
    assert_int_equal(redis_link_exchange(link, 0, &reply, &failure), STATUS_OK);
}

static void put(const char *product_id, int64_t version, const char *encoded)
{
    struct product_lookup lookup = {
        .product_id = product_id,
        .presence = version > 0 ? PRODUCT_FOUND : PRODUCT_MISSING,
        .version = version,
        .encoded = bytes_of_text(encoded),
    };
    assert_int_equal(product_cache_put(cache, &lookup, 1, &failure), STATUS_OK);
}

static struct product_lookup get(const char *product_id)
{
    struct product_lookup lookup = {.product_id = product_id};
    assert_int_equal(product_cache_get(cache, &lookup, 1, &arena, &failure), STATUS_OK);
    return lookup;
}

static void expect(const char *product_id, int64_t version, const char *encoded)
{
    struct product_lookup lookup = get(product_id);
    assert_int_equal(lookup.presence, PRODUCT_FOUND);
    assert_int_equal(lookup.version, version);
    assert_true(bytes_equal(lookup.encoded, bytes_of_text(encoded)));
}

static void s35_a_stale_fill_does_not_replace_a_newer_row(void **state)
{
    (void)state;
    put("tea", 9, "nine");
    put("tea", 10, "ten"); /* as numbers, not as texts */
    put("tea", 9, "stale");
    expect("tea", 10, "ten");
    put("tea", 10, "ten again");
    expect("tea", 10, "ten again");
}

static void test_a_product_replaces_its_absence_and_not_the_other_way(void **state)
{
    (void)state;
    put("tea", 0, "");
    assert_int_equal(get("tea").presence, PRODUCT_MISSING);
    put("tea", 1, "one");
    put("tea", 0, "");
    expect("tea", 1, "one");
}

static bool is_forgotten(void *product_id)
{
    return get(product_id).presence == PRODUCT_NOT_SAID;
}

static void test_absence_is_forgotten_soon(void **state)
{
    (void)state;
    char id[] = "tea";
    put(id, 0, "");
    assert_true(wait_until(is_forgotten, id, 10000));
}

static void test_redis_may_forget_the_script(void **state)
{
    (void)state;
    put("tea", 1, "one");
    command("SCRIPT", "FLUSH", NULL);
    put("tea", 2, "two");
    expect("tea", 2, "two");
    command("FLUSHALL", NULL, NULL);
    assert_int_equal(get("tea").presence, PRODUCT_NOT_SAID);
    put("tea", 1, "one"); /* what is gone cannot be protected; it was not wrong either */
    expect("tea", 1, "one");
}

static void test_foreign_values_are_replaced_and_foreign_types_left(void **state)
{
    (void)state;
    command("SET", "cache:product:tea", "rubbish");
    assert_int_equal(get("tea").presence, PRODUCT_NOT_SAID);
    put("tea", 1, "one");
    expect("tea", 1, "one");
    command("LPUSH", "cache:product:pot", "x");
    assert_int_equal(get("pot").presence, PRODUCT_NOT_SAID);
    put("pot", 1, "one");
    assert_int_equal(get("pot").presence, PRODUCT_NOT_SAID);
}

static void test_many_at_once(void **state)
{
    (void)state;
    static struct product_lookup lookups[1200];
    static char ids[1200][16];
    for (size_t i = 0; i < 1200; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "p-%zu", i);
        lookups[i] = (struct product_lookup){
            .product_id = ids[i],
            .presence = PRODUCT_FOUND,
            .version = (int64_t)i + 1,
            .encoded = bytes_of_text(ids[i]),
        };
    }
    assert_int_equal(product_cache_put(cache, lookups, 1200, &failure), STATUS_OK);
    for (size_t i = 0; i < 1200; i++) {
        lookups[i].presence = PRODUCT_NOT_SAID;
    }
    assert_int_equal(product_cache_get(cache, lookups, 1200, &arena, &failure), STATUS_OK);
    for (size_t i = 0; i < 1200; i++) {
        assert_int_equal(lookups[i].presence, PRODUCT_FOUND);
        assert_int_equal(lookups[i].version, (int64_t)i + 1);
    }
}

static bool answers(void *state)
{
    arena_reset(&arena); /* each question takes some */
    return product_cache_get(cache, state, 1, &arena, &failure) == STATUS_OK;
}

static void test_a_dead_redis_is_said_and_a_new_one_found(void **state)
{
    (void)state;
    struct product_lookup lookup = {.product_id = "tea"};
    put("tea", 1, "one");
    redis_server_kill(&redis);
    assert_int_not_equal(product_cache_get(cache, &lookup, 1, &arena, &failure), STATUS_OK);
    redis_server_start(&redis, NULL);
    assert_true(wait_until(answers, &lookup, 60000));
    put("tea", 2, "two");
    expect("tea", 2, "two");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s35_a_stale_fill_does_not_replace_a_newer_row),
        TEST(test_a_product_replaces_its_absence_and_not_the_other_way),
        TEST(test_absence_is_forgotten_soon),
        TEST(test_redis_may_forget_the_script),
        TEST(test_foreign_values_are_replaced_and_foreign_types_left),
        TEST(test_many_at_once),
        TEST(test_a_dead_redis_is_said_and_a_new_one_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
