/* The cache's entries and its one script, against a scripted Redis. What the script itself decides
 * is tested with a real one (tests/integration/test_product_cache.c). */
#include <stdio.h>
#include <stdlib.h>

#include "server/product_cache.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_redis.h"

#define SHA "0123456789012345678901234567890123456789"

static struct product_cache *cache;
static struct fake_clock fake_clock;
static struct arena arena;
static struct failure failure;

static int setup(void **state)
{
    (void)state;
    fake_redis_reset();
    fake_clock_init(&fake_clock);
    arena_init(&arena, 4096, 1 << 20);
    cache = product_cache_create(&(struct product_cache_options){
        .clock = &fake_clock.clock, .ttl_ms = 8000, .missing_ttl_ms = 800});
    return cache == NULL;
}

static int teardown(void **state)
{
    (void)state;
    product_cache_destroy(&cache);
    arena_fini(&arena);
    return 0;
}

/* What a get finds when the entry holds these bytes. */
static struct product_lookup get(const char *entry, size_t size)
{
    static struct redis_reply elements[1];
    struct product_lookup lookup = {.product_id = "tea"};
    fake_redis_reset();
    elements[0] = fake_redis_text(entry, size);
    fake_redis.script[0].replies[0] =
        (struct redis_reply){.type = REDIS_ARRAY, .elements = elements, .count = 1};
    assert_int_equal(product_cache_get(cache, &lookup, 1, &arena, &failure), STATUS_OK);
    return lookup;
}

static void test_entries_are_products_or_say_there_is_none(void **state)
{
    (void)state;
    struct product_lookup lookup = get("12\nabc", 6);
    assert_int_equal(lookup.presence, PRODUCT_FOUND);
    assert_int_equal(lookup.version, 12);
    assert_true(bytes_equal(lookup.encoded, bytes_of_text("abc")));
    assert_string_equal(fake_redis.commands[0], "MGET cache:product:tea");
    assert_int_equal(get("0\n", 2).presence, PRODUCT_MISSING);
    assert_int_equal(get("9223372036854775807\nx", 21).version, INT64_MAX);
}

static void test_what_cannot_be_read_is_not_cached(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "",
        "\n",
        "abc",
        "12",
        "12\n",
        "0\nabc",
        "-1\nabc",
        " 1\nabc",
        "1 \nabc",
        "9223372036854775808\nabc",
        "99999999999999999999999999\nabc",
        "\x0a\x03tea",
    };
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        assert_int_equal(get(entries[i], strlen(entries[i])).presence, PRODUCT_NOT_SAID);
    }
    for (int round = 0; round < 10000; round++) {
        char random[32];
        clock_system()->random(clock_system()->state, random, sizeof random);
        (void)get(random, (size_t)round % sizeof random);
        arena_reset(&arena);
    }
}

static void test_answers_of_another_shape_are_not_cached(void **state)
{
    (void)state;
    struct product_lookup lookups[2] = {{.product_id = "tea"}, {.product_id = "pot"}};
    fake_redis.script[0].replies[0] = fake_redis_error("LOADING");
    assert_int_equal(product_cache_get(cache, lookups, 2, &arena, &failure), STATUS_OK);
    assert_int_equal(lookups[0].presence, PRODUCT_NOT_SAID);
    struct redis_reply elements[1] = {fake_redis_text("1\nx", 3)};
    fake_redis.script[1].replies[0] =
        (struct redis_reply){.type = REDIS_ARRAY, .elements = elements, .count = 1};
    assert_int_equal(product_cache_get(cache, lookups, 2, &arena, &failure), STATUS_OK);
    assert_int_equal(lookups[0].presence, PRODUCT_FOUND);
    assert_int_equal(lookups[1].presence, PRODUCT_NOT_SAID);
}

static void test_many_are_asked_in_commands_of_500_and_one_exchange(void **state)
{
    (void)state;
    static struct product_lookup lookups[1001];
    for (size_t i = 0; i < 1001; i++) {
        lookups[i] = (struct product_lookup){.product_id = "tea"};
    }
    assert_int_equal(product_cache_get(cache, lookups, 1001, &arena, &failure), STATUS_OK);
    assert_int_equal(fake_redis.exchanges, 1);
    assert_int_equal(fake_redis.command_count, 3);
    assert_int_equal(fake_redis.arguments[0], 501);
    assert_int_equal(fake_redis.arguments[2], 2);
}

static void expect_ttl(const char *command, int64_t least)
{
    char version[24];
    long long ttl;
    assert_int_equal(
        sscanf(command, "EVALSHA " SHA " 1 cache:product:%*s %23s %lld", version, &ttl), 2);
    assert_in_range(ttl, least, least + least / 8);
}

static void test_puts_carry_version_and_time_to_live(void **state)
{
    (void)state;
    struct product_lookup lookups[] = {
        {.product_id = "tea",
         .presence = PRODUCT_FOUND,
         .version = 3,
         .encoded = bytes_of_text("abc")},
        {.product_id = "nobody-asked"},
        {.product_id = "none", .presence = PRODUCT_MISSING},
    };
    fake_redis.script[0].replies[0] = fake_redis_text(SHA, 40);
    assert_int_equal(product_cache_put(cache, lookups, 3, &failure), STATUS_OK);
    assert_int_equal(fake_redis.exchanges, 2); /* load, put */
    assert_int_equal(fake_redis.command_count, 2);
    assert_non_null(strstr(fake_redis.commands[0], " 1 cache:product:tea 3 "));
    assert_non_null(strstr(fake_redis.commands[0], " 3\nabc"));
    assert_non_null(strstr(fake_redis.commands[1], " 1 cache:product:none 0 "));
    expect_ttl(fake_redis.commands[0], 8000);
    expect_ttl(fake_redis.commands[1], 800);
    assert_int_equal(product_cache_put(cache, lookups, 3, &failure), STATUS_OK);
    assert_int_equal(fake_redis.exchanges, 3); /* loaded already */
}

static void test_a_forgotten_script_is_loaded_again_once(void **state)
{
    (void)state;
    struct product_lookup lookup = {.product_id = "none", .presence = PRODUCT_MISSING};
    fake_redis.script[0].replies[0] = fake_redis_text(SHA, 40);
    fake_redis.script[1].replies[0] = fake_redis_error("NOSCRIPT No matching script");
    fake_redis.script[2].replies[0] = fake_redis_text(SHA, 40);
    fake_redis.script[3].replies[0] = fake_redis_error("NOSCRIPT No matching script");
    assert_int_equal(product_cache_put(cache, &lookup, 1, &failure), STATUS_OK);
    assert_int_equal(fake_redis.exchanges, 4);
}

static void test_failures_are_handed_up(void **state)
{
    (void)state;
    struct product_lookup lookup = {.product_id = "none", .presence = PRODUCT_MISSING};
    fake_redis.script[0].status = STATUS_UNAVAILABLE;
    assert_int_equal(product_cache_get(cache, &lookup, 1, &arena, &failure), STATUS_UNAVAILABLE);
    fake_redis.script[1].status = STATUS_UNAVAILABLE;
    assert_int_equal(product_cache_put(cache, &lookup, 1, &failure), STATUS_UNAVAILABLE);
    fake_redis.script[2].replies[0] = fake_redis_error("NOPERM");
    assert_int_equal(product_cache_put(cache, &lookup, 1, &failure), STATUS_INTERNAL);
}

static void test_an_entry_too_large_to_be_a_product_is_not_stored(void **state)
{
    (void)state;
    static uint8_t large[4096];
    struct product_lookup lookup = {.product_id = "tea",
                                    .presence = PRODUCT_FOUND,
                                    .version = 3,
                                    .encoded = bytes_of(large, sizeof large)};
    fake_redis.script[0].replies[0] = fake_redis_text(SHA, 40);
    assert_int_equal(product_cache_put(cache, &lookup, 1, &failure), STATUS_OK);
    assert_true(strlen(fake_redis.commands[0]) < 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries_are_products_or_say_there_is_none),
        TEST(test_what_cannot_be_read_is_not_cached),
        TEST(test_answers_of_another_shape_are_not_cached),
        TEST(test_many_are_asked_in_commands_of_500_and_one_exchange),
        TEST(test_puts_carry_version_and_time_to_live),
        TEST(test_a_forgotten_script_is_loaded_again_once),
        TEST(test_failures_are_handed_up),
        TEST(test_an_entry_too_large_to_be_a_product_is_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
