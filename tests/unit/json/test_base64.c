#include "json/base64.h"
#include "tests/cmocka_all.h"

static void must_encode(const char *plain, enum base64_style style, const char *expected)
{
    char out[64];
    size_t size = base64_encode(bytes_of_text(plain), style, out);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(out, expected, size);
}

static void must_decode(const char *text, const char *expected)
{
    struct arena arena;
    struct bytes bytes;
    arena_init(&arena, 256, 256);
    bool ok = base64_decode(bytes_of_text(text), &arena, &bytes);
    assert_int_equal(ok, expected != NULL);
    if (ok) {
        assert_true(bytes_equal(bytes, bytes_of_text(expected)));
    }
    arena_fini(&arena);
}

static void test_encodes_in_three_styles(void **state)
{
    (void)state;
    must_encode("", BASE64_STANDARD, "");
    must_encode("f", BASE64_STANDARD, "Zg==");
    must_encode("ab", BASE64_STANDARD, "YWI=");
    must_encode("foo", BASE64_STANDARD, "Zm9v");
    must_encode("f", BASE64_NO_PADDING, "Zg");
    must_encode("\xFB\xFF\xFE", BASE64_STANDARD, "+//+");
    must_encode("\xFB\xFF\xFE", BASE64_URL, "-__-");
    must_encode("ab", BASE64_URL, "YWI");
}

static void test_decodes_either_alphabet_padded_or_not(void **state)
{
    (void)state;
    must_decode("", "");
    must_decode("Zg", "f");
    must_decode("Zg==", "f");
    must_decode("YWI=", "ab");
    must_decode("Zm9vYmFy", "foobar");
    must_decode("+//+", "\xFB\xFF\xFE");
    must_decode("-__-", "\xFB\xFF\xFE");
}

static void test_refuses_what_is_not_base64(void **state)
{
    (void)state;
    must_decode("Z", NULL);
    must_decode("Zg=", NULL);
    must_decode("Zg===", NULL);
    must_decode("=", NULL);
    must_decode("Z g=", NULL);
    must_decode("Zm9v\n", NULL);
    must_decode("Zm=v", NULL);
    must_decode("\xC3\xA4zz", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodes_in_three_styles),
        cmocka_unit_test(test_decodes_either_alphabet_padded_or_not),
        cmocka_unit_test(test_refuses_what_is_not_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
