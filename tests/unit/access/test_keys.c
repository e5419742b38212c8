#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/keys.h"
#include "tests/cmocka_all.h"

static struct key wanted(const char *name, const char *customer, const char *scopes)
{
    struct key key = {0};
    (void)snprintf(key.name, sizeof key.name, "%s", name);
    (void)snprintf(key.customer_id, sizeof key.customer_id, "%s", customer);
    (void)snprintf(key.scopes, sizeof key.scopes, "%s", scopes);
    return key;
}

static int64_t now_s(void)
{
    return clock_unix_us(clock_system()) / 1000000;
}

static void create(struct keys *keys, const char *name, char text[KEY_TEXT_BYTES])
{
    struct key key = wanted(name, "", "order.read");
    struct failure failure;
    assert_int_equal(keys_create(keys, &key, clock_system(), text, &failure), STATUS_OK);
    assert_int_equal(strlen(text), KEY_TEXT_BYTES - 1);
}

static void test_a_key_is_found_by_its_text_alone(void **state)
{
    (void)state;
    struct keys keys = {0};
    char ada[KEY_TEXT_BYTES], bob[KEY_TEXT_BYTES];
    assert_null(keys_find(&keys, "ok_", now_s()));
    create(&keys, "ada", ada);
    create(&keys, "bob", bob);
    assert_string_equal(keys_find(&keys, ada, now_s())->name, "ada");
    assert_string_equal(keys_find(&keys, bob, now_s())->name, "bob");
    for (size_t i = 0; i < KEY_TEXT_BYTES - 1; i++) {
        char wrong[KEY_TEXT_BYTES];
        memcpy(wrong, ada, sizeof wrong);
        wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
        assert_null(keys_find(&keys, wrong, now_s()));
        memcpy(wrong, ada, sizeof wrong);
        wrong[i] = '\0';
        assert_null(keys_find(&keys, wrong, now_s()));
    }
    char mixed[KEY_TEXT_BYTES];
    memcpy(mixed, ada, sizeof mixed);
    memcpy(mixed + 3, bob + 3, KEY_ID_BYTES - 1);
    assert_null(keys_find(&keys, mixed, now_s()));
    /* Nobody's hash is zeros: a key of an unknown id must not find it. */
    assert_null(keys_find(&(struct keys){0}, ada, now_s()));
    keys_fini(&keys);
}

static void test_expired_and_revoked_keys_are_nobodys(void **state)
{
    (void)state;
    struct keys keys = {0};
    char text[KEY_TEXT_BYTES];
    struct failure failure;
    struct key key = wanted("ada", "c-1", "*");
    key.expire_s = now_s() + 100;
    assert_int_equal(keys_create(&keys, &key, clock_system(), text, &failure), STATUS_OK);
    assert_non_null(keys_find(&keys, text, key.expire_s - 1));
    assert_null(keys_find(&keys, text, key.expire_s));
    assert_false(keys_revoke(&keys, "0123456789abcdef"));
    char id[KEY_ID_BYTES];
    memcpy(id, keys.list[0].id, sizeof id);
    assert_true(keys_revoke(&keys, id));
    assert_null(keys_find(&keys, text, now_s()));
    keys_fini(&keys);
}

static void test_two_live_keys_a_name(void **state)
{
    (void)state;
    struct keys keys = {0};
    char text[KEY_TEXT_BYTES];
    struct failure failure;
    create(&keys, "ada", text);
    create(&keys, "ada", text);
    struct key third = wanted("ada", "", "*");
    assert_int_equal(keys_create(&keys, &third, clock_system(), text, &failure),
                     STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "TOO_MANY_KEYS");
    keys.list[0].expire_s = 1;
    assert_int_equal(keys_create(&keys, &third, clock_system(), text, &failure), STATUS_OK);
    keys_fini(&keys);
}

static void test_what_cannot_be_a_key(void **state)
{
    (void)state;
    struct keys keys = {0};
    char text[KEY_TEXT_BYTES];
    struct failure failure;
    struct key bad[] = {wanted("", "", "*"),     wanted("a b", "", "*"), wanted("a\n", "", "*"),
                        wanted("a", "c d", "*"), wanted("a", "-", "*"),  wanted("a", "", ""),
                        wanted("a", "", "x y")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(keys_create(&keys, &bad[i], clock_system(), text, &failure),
                         STATUS_INVALID_ARGUMENT);
    }
    struct key over = wanted("a", "", "*");
    over.expire_s = 1;
    assert_int_equal(keys_create(&keys, &over, clock_system(), text, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_int_equal(keys.count, 0);
    keys_fini(&keys);
}

static void test_scopes(void **state)
{
    (void)state;
    struct key key = wanted("a", "", "order.read,product.read");
    assert_true(scopes_have(key.scopes, "order.read"));
    assert_true(scopes_have(key.scopes, "product.read"));
    assert_false(scopes_have(key.scopes, "order.write"));
    assert_false(scopes_have(key.scopes, "order"));
    assert_false(scopes_have(key.scopes, "order.rea"));
    assert_false(scopes_have(key.scopes, ""));
    key = wanted("a", "", "*");
    assert_true(scopes_have(key.scopes, "admin.write"));
}

static void test_files_there_and_back(void **state)
{
    (void)state;
    char path[] = "/tmp/order-keys-XXXXXX", text[KEY_TEXT_BYTES];
    struct keys keys = {0}, back;
    struct failure failure;
    struct stat info;
    struct key key = wanted("bob", "c-1", "order.read,order.write");
    key.expire_s = now_s() + 100;
    assert_non_null(mkdtemp(path));
    char file[64];
    (void)snprintf(file, sizeof file, "%s/keys", path);
    assert_int_equal(keys_load(file, &back, &failure), STATUS_NOT_FOUND);
    create(&keys, "ada", text);
    assert_int_equal(keys_create(&keys, &key, clock_system(), text, &failure), STATUS_OK);
    assert_int_equal(keys_save(&keys, file, &failure), STATUS_OK);
    assert_int_equal(keys_save(&keys, file, &failure), STATUS_OK);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(keys_load(file, &back, &failure), STATUS_OK);
    assert_int_equal(back.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(back.list[i].id, keys.list[i].id);
        assert_string_equal(back.list[i].name, keys.list[i].name);
        assert_string_equal(back.list[i].scopes, keys.list[i].scopes);
        assert_int_equal(back.list[i].create_s, keys.list[i].create_s);
        assert_int_equal(back.list[i].expire_s, keys.list[i].expire_s);
    }
    assert_string_equal(keys_find(&back, text, now_s())->customer_id, "c-1");
    keys_fini(&back);

    FILE *out = fopen(file, "a");
    assert_non_null(out);
    assert_true(fputs("not a key\n", out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(keys_load(file, &back, &failure), STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(failure.message, "line 4"));
    assert_int_equal(keys_save(&keys, "/nonexistent/keys", &failure), STATUS_UNAVAILABLE);
    (void)unlink(file);
    (void)rmdir(path);
    keys_fini(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_found_by_its_text_alone),
        cmocka_unit_test(test_expired_and_revoked_keys_are_nobodys),
        cmocka_unit_test(test_two_live_keys_a_name),
        cmocka_unit_test(test_what_cannot_be_a_key),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_files_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
