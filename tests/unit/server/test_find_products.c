/* Cache-aside: one exchange, one query for the misses, and what happens without either. */
#include "server/find_products.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

static struct failure failure;

static enum status find(struct product_lookup *lookups, size_t count)
{
    return find_products(&fixture.lane->products, lookups, count, &fixture.lane->arena,
                         INT64_MAX / 2, &failure);
}

static void test_misses_are_one_query_and_fill_the_cache(void **state)
{
    (void)state;
    struct product_lookup lookups[] = {{.product_id = "tea"},
                                       {.product_id = "none"},
                                       {.product_id = "pot"},
                                       {.product_id = "tea"}};
    assert_int_equal(find(lookups, 4), STATUS_OK);
    assert_int_equal(lookups[0].presence, PRODUCT_FOUND);
    assert_int_equal(lookups[1].presence, PRODUCT_MISSING);
    assert_int_equal(lookups[2].presence, PRODUCT_FOUND);
    assert_int_equal(lookups[3].presence, PRODUCT_FOUND);
    assert_true(bytes_equal(lookups[0].encoded, lookups[3].encoded));
    assert_int_equal(fake_postgres.catalogue_calls, 1);

    struct product_lookup again[] = {{.product_id = "pot"}, {.product_id = "none"}};
    assert_int_equal(find(again, 2), STATUS_OK);
    assert_int_equal(again[0].presence, PRODUCT_FOUND);
    assert_int_equal(again[0].version, 1);
    assert_int_equal(again[1].presence, PRODUCT_MISSING);
    assert_int_equal(fake_postgres.catalogue_calls, 1);
    assert_int_equal(fake_cache.put_calls, 1);
}

static void test_without_the_cache_postgres_answers(void **state)
{
    (void)state;
    fake_cache.get = STATUS_UNAVAILABLE;
    struct product_lookup lookups[] = {{.product_id = "tea"}};
    for (int round = 1; round <= 2; round++) {
        lookups[0].presence = PRODUCT_NOT_SAID;
        assert_int_equal(find(lookups, 1), STATUS_OK);
        assert_int_equal(lookups[0].presence, PRODUCT_FOUND);
        assert_int_equal(fake_postgres.catalogue_calls, round);
    }
    assert_int_equal(fake_cache.put_calls, 0); /* it would only wait for its timeout again */
}

static void test_a_cache_that_cannot_be_filled_does_no_harm(void **state)
{
    (void)state;
    fake_cache.put = STATUS_UNKNOWN;
    struct product_lookup lookups[] = {{.product_id = "tea"}};
    assert_int_equal(find(lookups, 1), STATUS_OK);
    assert_int_equal(lookups[0].presence, PRODUCT_FOUND);
}

static void test_without_postgres_the_cache_answers_what_it_knows(void **state)
{
    (void)state;
    struct product_lookup warm[] = {{.product_id = "tea"}};
    assert_int_equal(find(warm, 1), STATUS_OK);
    fake_postgres.status = STATUS_UNAVAILABLE;
    struct product_lookup lookups[] = {{.product_id = "pot"}, {.product_id = "tea"}};
    assert_int_equal(find(lookups, 2), STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "STORE_UNAVAILABLE");
    assert_int_equal(lookups[0].presence, PRODUCT_NOT_SAID);
    assert_int_equal(lookups[1].presence, PRODUCT_FOUND);
}

static void test_rubbish_in_the_cache_is_a_miss_and_is_replaced(void **state)
{
    (void)state;
    struct product_lookup lookups[] = {{.product_id = "tea"}};
    assert_int_equal(find(lookups, 1), STATUS_OK);
    memset(fake_cache.entries[0].encoded, 0xff, fake_cache.entries[0].size);
    for (int round = 0; round < 2; round++) {
        struct product_lookup again[] = {{.product_id = "tea"}};
        assert_int_equal(find(again, 1), STATUS_OK);
        assert_int_equal(again[0].presence, PRODUCT_FOUND);
        assert_int_equal(again[0].product->unit_price_minor, 100);
        assert_int_equal(fake_postgres.catalogue_calls, 2);
    }
}

static void test_nothing_asked_is_nothing_done(void **state)
{
    (void)state;
    assert_int_equal(find(NULL, 0), STATUS_OK);
    assert_int_equal(fake_cache.get_calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_misses_are_one_query_and_fill_the_cache),
        TEST(test_without_the_cache_postgres_answers),
        TEST(test_a_cache_that_cannot_be_filled_does_no_harm),
        TEST(test_without_postgres_the_cache_answers_what_it_knows),
        TEST(test_rubbish_in_the_cache_is_a_miss_and_is_replaced),
        TEST(test_nothing_asked_is_nothing_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
