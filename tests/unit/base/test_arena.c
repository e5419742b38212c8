#include <string.h>

#include "base/arena.h"
#include "tests/cmocka_all.h"

static void test_hands_out_aligned_memory_of_its_own(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 4096);
    for (size_t size = 1; size < 100; size += 7) {
        uint8_t *memory = arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        memset(memory, (int)size, size);
    }
    arena_fini(&arena);
}

static void test_limit_holds_on_both_sides(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64, 1024);
    assert_non_null(arena_alloc(&arena, 64));
    assert_null(arena_alloc(&arena, 976)); /* 64 + 976 = 1040 */
    assert_non_null(arena_alloc(&arena, 960));
    assert_null(arena_alloc(&arena, 1));
    volatile size_t huge = SIZE_MAX; /* hidden from the compiler, which would refuse it, too */
    assert_null(arena_alloc(&arena, huge));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 1024 - 64));
    arena_fini(&arena);
}

static void test_a_first_request_may_be_larger_than_the_first_chunk(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64, 100000);
    assert_non_null(arena_alloc(&arena, 50000));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 100000 - 100));
    arena_fini(&arena);
}

static void test_a_reset_keeps_the_first_chunk_only(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 128, 4096);
    void *first = arena_alloc(&arena, 16);
    (void)arena_alloc(&arena, 2000);
    arena_reset(&arena);
    assert_int_equal(arena.used_bytes, 128);
    assert_ptr_equal(arena_alloc(&arena, 16), first);
    arena_fini(&arena);
}

static void test_calloc_zeroes_and_refuses_overflow(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 4096);
    memset(arena_alloc(&arena, 256), 0xff, 256);
    arena_reset(&arena);
    const uint8_t *memory = arena_calloc(&arena, 16, 16);
    for (size_t i = 0; i < 256; i++) {
        assert_int_equal(memory[i], 0);
    }
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(arena_calloc(&arena, huge, 3));
    arena_fini(&arena);
}

static void test_copies_are_terminated(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 256, 4096);
    assert_string_equal(arena_strdup(&arena, "order"), "order");
    struct bytes copy = arena_copy(&arena, bytes_of("a\0b", 3));
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.data, "a\0b", 4);
    assert_non_null(arena_copy(&arena, (struct bytes){0}).data);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hands_out_aligned_memory_of_its_own),
        cmocka_unit_test(test_limit_holds_on_both_sides),
        cmocka_unit_test(test_a_first_request_may_be_larger_than_the_first_chunk),
        cmocka_unit_test(test_a_reset_keeps_the_first_chunk_only),
        cmocka_unit_test(test_calloc_zeroes_and_refuses_overflow),
        cmocka_unit_test(test_copies_are_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
