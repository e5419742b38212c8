/* orderctl keys: on a file of its own, no server anywhere. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/keys.h"
#include "client/cli/cli.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"

#define AT_ONCE 8

static char folder[64], file[80];

static int open_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/order-cli-keys-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/keys", folder);
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    (void)unlink(file);
    return rmdir(folder);
}

/* "keys WHAT --file FILE" */
static struct run keys(const char *what)
{
    char line[512];
    (void)snprintf(line, sizeof line, "keys %s --file %s", what, file);
    return run_orderctl(NULL, line);
}

static void expect(const char *what, int code, const char *text)
{
    struct run run = keys(what);
    if (run.code != code || strstr(code == CLI_OK ? run.out : run.err, text) == NULL) {
        print_error("%s: %d, out: %s, err: %s\n", what, run.code, run.out, run.err);
        fail();
    }
    run_free(&run);
}

static int64_t now_s(void)
{
    return clock_unix_us(clock_system()) / 1000000;
}

static void a_key_is_made_listed_and_revoked(void **state)
{
    (void)state;
    struct keys list;
    struct failure failure;
    struct run run = keys("create ada --scopes order.read,order.write --customer c-1 --days 2");
    assert_int_equal(run.code, CLI_OK);
    assert_int_equal(strlen(run.out), KEY_TEXT_BYTES); /* and a line's end */
    run.out[KEY_TEXT_BYTES - 1] = '\0';
    assert_int_equal(keys_load(file, &list, &failure), STATUS_OK);
    const struct key *key = keys_find(&list, run.out, now_s());
    assert_non_null(key);
    assert_string_equal(key->customer_id, "c-1");
    assert_in_range(key->expire_s, now_s() + 2 * 86400 - 60, now_s() + 2 * 86400);

    expect("list", CLI_OK, key->id);
    expect("list -o json", CLI_OK, "\"customerId\":\"c-1\"");
    struct run listed = keys("list");
    assert_null(strstr(listed.out, run.out + KEY_ID_BYTES + 3)); /* no secret */
    run_free(&listed);

    char revoke[64];
    (void)snprintf(revoke, sizeof revoke, "revoke %s", key->id);
    expect(revoke, CLI_OK, "");
    expect(revoke, CLI_REFUSED, "KEY_NOT_FOUND");
    keys_fini(&list);
    assert_int_equal(keys_load(file, &list, &failure), STATUS_OK);
    assert_null(keys_find(&list, run.out, now_s()));
    keys_fini(&list);
    run_free(&run);
}

static void two_keys_a_name_are_in_force_for_rotation(void **state)
{
    (void)state;
    expect("create ada --scopes *", CLI_OK, "ok_");
    expect("create ada --scopes * -o json", CLI_OK, "{\"name\":\"ada\",\"key\":\"ok_");
    expect("create ada --scopes *", CLI_REFUSED, "TOO_MANY_KEYS");
    expect("create bob --scopes *", CLI_OK, "ok_");
}

static void what_cannot_be_a_key_is_refused_and_leaves_the_file(void **state)
{
    (void)state;
    char name[100];
    expect("create ada", CLI_USAGE, "--scopes");
    expect("create a/b --scopes *", CLI_USAGE, "BAD_VALUE");
    expect("create ada --scopes ALL", CLI_USAGE, "BAD_VALUE");
    expect("create ada --scopes * --days 3651", CLI_USAGE, "days");
    (void)snprintf(name, sizeof name, "create %065d --scopes *", 0);
    expect(name, CLI_USAGE, "NAME is longer than 64 bytes");
    (void)snprintf(name, sizeof name, "create %064d --scopes *", 0);
    expect(name, CLI_OK, "ok_");
    struct run run = run_orderctl(NULL, "keys list");
    assert_int_equal(run.code, CLI_USAGE);
    assert_non_null(strstr(run.err, "ORDER_GATEWAY_KEYS"));
    run_free(&run);
    run = run_orderctl(NULL, "keys list --file /no/such/file");
    assert_int_equal(run.code, CLI_REFUSED);
    run_free(&run);
    run = run_orderctl(NULL, "keys create a --scopes * --file /no/such/file");
    assert_int_equal(run.code, CLI_UNAVAILABLE);
    run_free(&run);

    FILE *broken = fopen(file, "a");
    assert_non_null(broken);
    (void)fputs("broken\n", broken);
    (void)fclose(broken);
    expect("create bob --scopes *", CLI_REFUSED, "KEYS_MALFORMED");
}

static void *create_one(void *number)
{
    char what[64];
    (void)snprintf(what, sizeof what, "create name-%d --scopes *", *(int *)number);
    expect(what, CLI_OK, "ok_");
    return NULL;
}

/* Without the lock the last one to save would undo what the others did. */
static void changes_at_once_are_all_kept(void **state)
{
    (void)state;
    pthread_t threads[AT_ONCE];
    int numbers[AT_ONCE];
    struct keys list;
    struct failure failure;
    for (int i = 0; i < AT_ONCE; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, create_one, &numbers[i]), 0);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(keys_load(file, &list, &failure), STATUS_OK);
    assert_int_equal(list.count, AT_ONCE);
    keys_fini(&list);
}

static void a_file_keeps_its_mode(void **state)
{
    (void)state;
    struct stat info;
    expect("create ada --scopes *", CLI_OK, "ok_");
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(chmod(file, 0640), 0);
    expect("create bob --scopes *", CLI_OK, "ok_");
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_made_listed_and_revoked, open_folder,
                                        close_folder),
        cmocka_unit_test_setup_teardown(two_keys_a_name_are_in_force_for_rotation, open_folder,
                                        close_folder),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_key_is_refused_and_leaves_the_file,
                                        open_folder, close_folder),
        cmocka_unit_test_setup_teardown(changes_at_once_are_all_kept, open_folder, close_folder),
        cmocka_unit_test_setup_teardown(a_file_keeps_its_mode, open_folder, close_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
