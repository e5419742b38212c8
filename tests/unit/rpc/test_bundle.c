/* Messages in a message: what is written comes back, and nothing else is read. */
#include <stdlib.h>

#include "rpc/bundle.h"
#include "tests/cmocka_all.h"

static const uint8_t TWO[] = {'O', 'R', 'B', 1, 0, 0, 0, 2, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0};

static size_t read_copy(const void *data, size_t size, struct bytes parts[BUNDLE_PARTS_MAX])
{
    uint8_t *copy = malloc(size > 0 ? size : 1); /* a reader that goes too far is seen */
    if (size > 0) {
        memcpy(copy, data, size);
    }
    size_t count = bundle_read(bytes_of(copy, size), parts);
    free(copy);
    return count;
}

static void test_written_as_the_contract_says(void **state)
{
    (void)state;
    const struct bytes parts[] = {bytes_of_text("abc"), bytes_of(NULL, 0)};
    uint8_t out[sizeof TWO];
    assert_int_equal(bundle_size(parts, 2), sizeof TWO);
    bundle_write(parts, 2, out);
    assert_memory_equal(out, TWO, sizeof TWO);
    struct bytes read[BUNDLE_PARTS_MAX];
    assert_int_equal(bundle_read(bytes_of(out, sizeof out), read), 2);
    assert_true(bytes_equal(read[0], parts[0]));
    assert_int_equal(read[1].size, 0);
}

static void test_as_many_as_may_be(void **state)
{
    (void)state;
    struct bytes parts[BUNDLE_PARTS_MAX + 1], read[BUNDLE_PARTS_MAX];
    uint8_t out[BUNDLE_PREFIX_BYTES + (BUNDLE_PARTS_MAX + 1) * (BUNDLE_LENGTH_BYTES + 1)];
    for (size_t i = 0; i <= BUNDLE_PARTS_MAX; i++) {
        parts[i] = bytes_of_text("x");
    }
    bundle_write(parts, BUNDLE_PARTS_MAX, out);
    size_t size = bundle_size(parts, BUNDLE_PARTS_MAX);
    assert_int_equal(read_copy(out, size, read), BUNDLE_PARTS_MAX);
    out[7]++;
    memcpy(out + size, out + size - BUNDLE_LENGTH_BYTES - 1, BUNDLE_LENGTH_BYTES + 1);
    assert_int_equal(read_copy(out, size + BUNDLE_LENGTH_BYTES + 1, read), 0);
}

static void test_what_is_no_whole_bundle(void **state)
{
    (void)state;
    struct bytes read[BUNDLE_PARTS_MAX];
    for (size_t size = 0; size < sizeof TWO; size++) {
        assert_int_equal(read_copy(TWO, size, read), 0);
    }
    uint8_t bad[sizeof TWO + 1] = {0};
    memcpy(bad, TWO, sizeof TWO);
    assert_int_equal(read_copy(bad, sizeof bad, read), 0); /* a byte behind it */
    for (size_t at = 0; at < 12; at++) {                   /* prefix, count, a length */
        memcpy(bad, TWO, sizeof TWO);
        bad[at] ^= 0x80;
        assert_int_equal(read_copy(bad, sizeof TWO, read), 0);
    }
    memcpy(bad, TWO, sizeof TWO);
    bad[7] = 0; /* none at all */
    assert_int_equal(read_copy(bad, BUNDLE_PREFIX_BYTES, read), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_as_the_contract_says),
        cmocka_unit_test(test_as_many_as_may_be),
        cmocka_unit_test(test_what_is_no_whole_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
