/* Tokens: read back what was made, and nothing else. */
#include <stdio.h>

#include "base/clock.h"
#include "server/page_token.h"
#include "tests/cmocka_all.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static enum status read(const char *token, const char *list, const char *filter,
                        struct bytes *position_out)
{
    struct failure failure = {0};
    enum status status =
        page_token_read(token, list, bytes_of_text(filter), &arena, position_out, &failure);
    if (status != STATUS_OK) {
        assert_string_equal(failure.reason, "BAD_PAGE_TOKEN");
        assert_string_equal(failure.field, "page_token");
    }
    return status;
}

static void test_every_length_reads_back(void **state)
{
    (void)state;
    uint8_t position[PAGE_TOKEN_POSITION_BYTES_MAX];
    for (size_t size = 0; size <= sizeof position; size++) {
        struct bytes back;
        memset(position, (int)(255 - size), sizeof position);
        const char *token =
            page_token_make("orders", bytes_of_text("c-1"), bytes_of(position, size), &arena);
        assert_non_null(token);
        assert_true(strlen(token) < PAGE_TOKEN_BYTES_MAX);
        assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_"),
                         strlen(token));
        assert_int_equal(read(token, "orders", "c-1", &back), STATUS_OK);
        assert_true(bytes_equal(back, bytes_of(position, size)));
    }
}

static void test_a_token_belongs_to_its_list_and_filter(void **state)
{
    (void)state;
    struct bytes back;
    const char *token =
        page_token_make("orders", bytes_of_text("c-1"), bytes_of_text("here"), &arena);
    assert_int_equal(read(token, "orders", "c-2", &back), STATUS_INVALID_ARGUMENT);
    assert_int_equal(read(token, "orders", "", &back), STATUS_INVALID_ARGUMENT);
    assert_int_equal(read(token, "products", "c-1", &back), STATUS_INVALID_ARGUMENT);
    assert_int_equal(read(token, "ordersc-1", "", &back), STATUS_INVALID_ARGUMENT);
}

static void test_no_changed_token_is_read(void **state)
{
    (void)state;
    static const char others[] = "Aa0-_=+/ \n\x80";
    struct bytes back;
    const char *token = page_token_make("orders", bytes_of_text(""), bytes_of_text("here"), &arena);
    char changed[PAGE_TOKEN_BYTES_MAX + 2];
    for (size_t at = 0; token[at] != '\0'; at++) {
        for (size_t other = 0; other < sizeof others - 1; other++) {
            if (token[at] == others[other]) {
                continue;
            }
            (void)snprintf(changed, sizeof changed, "%s", token);
            changed[at] = others[other];
            assert_int_equal(read(changed, "orders", "", &back), STATUS_INVALID_ARGUMENT);
        }
        (void)snprintf(changed, sizeof changed, "%.*s", (int)at, token);
        assert_int_equal(read(changed, "orders", "", &back), STATUS_INVALID_ARGUMENT);
    }
    (void)snprintf(changed, sizeof changed, "%sA", token);
    assert_int_equal(read(changed, "orders", "", &back), STATUS_INVALID_ARGUMENT);
}

static void test_random_and_huge_texts_are_refused(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    static char text[100001];
    struct bytes back;
    for (int round = 0; round < 20000; round++) {
        uint8_t size;
        clock->random(clock->state, &size, 1);
        clock->random(clock->state, text, size);
        text[size] = '\0';
        assert_int_equal(read(text, "orders", "", &back), STATUS_INVALID_ARGUMENT);
        arena_reset(&arena);
    }
    memset(text, 'A', 100000);
    assert_int_equal(read(text, "orders", "", &back), STATUS_INVALID_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_length_reads_back),
        TEST(test_a_token_belongs_to_its_list_and_filter),
        TEST(test_no_changed_token_is_read),
        TEST(test_random_and_huge_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
