/* Files of keys: when they are read again, and when not. Times are a fake clock's; a file's are the
 * system's, so the clock begins there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/watched_file.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_clock.h"

#define LOOK_MS 1000 /* longer than from one look to the next */

static struct fake_clock fake;
static char folder[64], path[128], other[128];
static struct watched_file file;

static void put(const char *where, const char *text)
{
    FILE *stream = fopen(where, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

/* As much time as it takes for the file to be `age_ms` old, and for the next look. */
static void let_it_be_old(int64_t age_ms)
{
    struct stat now;
    assert_int_equal(stat(path, &now), 0);
    fake_clock_pass_ms(&fake, LOOK_MS);
    fake.unix_us =
        now.st_ctim.tv_sec * INT64_C(1000000) + now.st_ctim.tv_nsec / 1000 + age_ms * INT64_C(1000);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/watched-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    (void)snprintf(other, sizeof other, "%s/keys.new", folder);
    put(path, "first\n");
    fake_clock_init(&fake);
    watched_file_init(&file, path, "keys", &fake.clock);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(other);
    (void)rmdir(path);
    (void)rmdir(folder);
    return 0;
}

static void test_what_has_not_changed_is_not_read(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        let_it_be_old(60000);
        assert_false(watched_file_is_due(&file));
    }
}

static void test_a_change_is_read_once(void **state)
{
    (void)state;
    put(other, "second\n");
    assert_int_equal(rename(other, path), 0);
    let_it_be_old(60000);
    assert_true(watched_file_is_due(&file));
    assert_false(watched_file_is_due(&file)); /* it was looked at a moment ago */
    watched_file_note_read(&file, 1);
    let_it_be_old(60000);
    assert_false(watched_file_is_due(&file));
    assert_true(file.is_usable);
}

static void test_who_writes_in_place_is_not_read_halfway(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        put(path, ""); /* another time each time */
        struct timeval times[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        assert_int_equal(utimes(path, times), 0);
        let_it_be_old(299);
        assert_false(watched_file_is_due(&file));
    }
    put(path, "second\n");
    let_it_be_old(300);
    assert_true(watched_file_is_due(&file));
}

static void test_a_clock_that_is_behind_the_files_delays_one_look(void **state)
{
    (void)state;
    put(path, "second\n");
    let_it_be_old(-3600000);
    assert_false(watched_file_is_due(&file));
    fake_clock_pass_ms(&fake, LOOK_MS);
    assert_true(watched_file_is_due(&file));
}

static void test_what_cannot_be_read_is_tried_at_every_look(void **state)
{
    (void)state;
    struct failure failure = {0};
    (void)failure_set(&failure, STATUS_NOT_FOUND, "NO_KEYS", "it cannot be read");
    int64_t read_us = file.read_us;
    assert_int_equal(rename(path, other), 0);
    for (int i = 0; i < 3; i++) {
        fake_clock_pass_ms(&fake, LOOK_MS);
        assert_true(watched_file_is_due(&file));
        watched_file_note_failure(&file, &failure);
        assert_false(file.is_usable);
    }
    assert_int_equal(file.read_us, read_us);
    assert_int_equal(rename(other, path), 0);
    let_it_be_old(60000);
    assert_true(watched_file_is_due(&file));
    watched_file_note_failure(&file, &failure); /* such as: no descriptor was free */
    let_it_be_old(60000);
    assert_true(watched_file_is_due(&file));
    watched_file_note_read(&file, 1);
    assert_true(file.is_usable);
    assert_true(file.read_us > read_us);
    let_it_be_old(60000);
    assert_false(watched_file_is_due(&file));
}

static void test_another_mode_is_a_change(void **state)
{
    (void)state;
    assert_int_equal(chmod(path, 0400), 0);
    let_it_be_old(60000);
    assert_true(watched_file_is_due(&file));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_has_not_changed_is_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_change_is_read_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_writes_in_place_is_not_read_halfway, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_is_behind_the_files_delays_one_look,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read_is_tried_at_every_look, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_another_mode_is_a_change, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
