#include <string.h>

#include "shop/identity.h"
#include "tests/cmocka_all.h"

#define V7    "0192f00d-cafe-7fff-bfff-0123456789ab"
#define V7_MS INT64_C(0x0192f00dcafe)

static void s25_an_order_has_its_number_from_its_request(void **state)
{
    (void)state;
    struct uuid a = identity_of_request(IDENTITY_ORDER, "NW-10248");
    struct uuid b = identity_of_request(IDENTITY_ORDER, "NW-10248");
    struct uuid c = identity_of_request(IDENTITY_ORDER, "NW-10249");
    struct uuid d = identity_of_request(IDENTITY_ADJUSTMENT, "NW-10248");
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(&a, &c, sizeof a);
    assert_memory_not_equal(&a, &d, sizeof a);
    assert_int_equal(uuid_version(&a), 8);
}

static void test_a_version_7_request_hands_its_time_on(void **state)
{
    (void)state;
    struct uuid id = identity_of_request(IDENTITY_ORDER, V7);
    assert_int_equal(uuid_unix_ms(&id), V7_MS);
    struct uuid other = identity_of_request(IDENTITY_ORDER, "0192f00d-cafe-7fff-bfff-0123456789ac");
    assert_int_equal(uuid_unix_ms(&other), V7_MS);
    assert_memory_not_equal(&id, &other, sizeof id);
}

static void test_fresh_is_young_version_7(void **state)
{
    (void)state;
    assert_true(identity_is_fresh(V7, V7_MS * 1000, 1000));
    assert_true(identity_is_fresh(V7, (V7_MS + 1000) * 1000, 1000));
    assert_false(identity_is_fresh(V7, (V7_MS + 1001) * 1000, 1000));
    assert_true(identity_is_fresh(V7, (V7_MS - SHOP_FUTURE_MS_MAX) * 1000, 1000));
    assert_false(identity_is_fresh(V7, (V7_MS - SHOP_FUTURE_MS_MAX - 1) * 1000, 1000));
    assert_false(identity_is_fresh("NW-10248", V7_MS * 1000, 1000));
    assert_false(identity_is_fresh("0192f00d-cafe-4fff-bfff-0123456789ab", V7_MS * 1000, 1000));
}

static void hash(const struct order_request *request, uint8_t out[REQUEST_HASH_BYTES])
{
    identity_hash_order(request, out);
}

/* Every field but the request_id is part of the body. */
static void test_another_body_is_another_hash(void **state)
{
    (void)state;
    struct order_line one[] = {{.product_id = "p", .quantity = 1}};
    struct order_request base = {
        .request_id = "r", .customer_id = "c", .lines = one, .line_count = 1, .order_ref = ""};
    uint8_t expected[REQUEST_HASH_BYTES];
    uint8_t found[REQUEST_HASH_BYTES];
    hash(&base, expected);

    struct order_request same = base;
    same.request_id = "other";
    hash(&same, found);
    assert_memory_equal(found, expected, sizeof found);

    struct order_request changed[5] = {base, base, base, base, base};
    struct order_line priced[] = {{.product_id = "p", .quantity = 1, .has_price = true}};
    struct order_line more[] = {{.product_id = "p", .quantity = 2}};
    changed[0].customer_id = "d";
    changed[1].order_ref = "ref";
    changed[2].has_placed_time = true;
    changed[3].lines = priced;
    changed[4].lines = more;
    for (size_t i = 0; i < 5; i++) {
        hash(&changed[i], found);
        assert_memory_not_equal(found, expected, sizeof found);
    }
}

static void test_long_orders_are_hashed_to_the_last_line(void **state)
{
    (void)state;
    static struct order_line many[SHOP_ORDER_LINES_MAX];
    for (size_t i = 0; i < SHOP_ORDER_LINES_MAX; i++) {
        many[i] = (struct order_line){.product_id = "p", .quantity = 1};
    }
    struct order_request request = {.request_id = "r",
                                    .customer_id = "c",
                                    .lines = many,
                                    .line_count = SHOP_ORDER_LINES_MAX,
                                    .order_ref = ""};
    uint8_t before[REQUEST_HASH_BYTES];
    uint8_t after[REQUEST_HASH_BYTES];
    hash(&request, before);
    many[SHOP_ORDER_LINES_MAX - 1].quantity = 2;
    hash(&request, after);
    assert_memory_not_equal(before, after, sizeof before);
    request.line_count = 64; /* one whole round */
    hash(&request, before);
    request.line_count = 65;
    hash(&request, after);
    assert_memory_not_equal(before, after, sizeof before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s25_an_order_has_its_number_from_its_request),
        cmocka_unit_test(test_a_version_7_request_hands_its_time_on),
        cmocka_unit_test(test_fresh_is_young_version_7),
        cmocka_unit_test(test_another_body_is_another_hash),
        cmocka_unit_test(test_long_orders_are_hashed_to_the_last_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
