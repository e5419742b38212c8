/* An order-server over tls+tcp with a policy: certificates are names, names have roles, and who has
 * none of the CA gets no call through. Certificates are those of `./dev certs`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/free_port.h"
#include "tests/support/system.h"

#define PATH_BYTES 160

static struct system the_system;
static char folder[PATH_BYTES], strangers[PATH_BYTES];

static char *path_in(const char *directory, const char *name, char out[PATH_BYTES + 32])
{
    (void)snprintf(out, PATH_BYTES + 32, "%s/%s", directory, name);
    return out;
}

static void make_certificates(const char *directory)
{
    char command[512];
    (void)snprintf(command, sizeof command, "%s %s operator reader", MAKE_CERTS, directory);
    assert_int_equal(system(command), 0);
}

static void write_policy(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file,
                  "uid:%u read order catalogue admin\ncn:operator read order catalogue\n"
                  "cn:reader read\n",
                  (unsigned)getuid());
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    char path[PATH_BYTES + 32];
    system_create(&the_system);
    (void)snprintf(folder, sizeof folder, "%s/certs", the_system.directory);
    (void)snprintf(strangers, sizeof strangers, "%s/strangers", the_system.directory);
    make_certificates(folder);
    make_certificates(strangers);
    write_policy(path_in(folder, "policy", path));
    assert_int_equal(setenv("ORDER_SERVER_POLICY_FILE", path, 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_TLS_CA_FILE", path_in(folder, "ca.pem", path), 1), 0);
    assert_int_equal(setenv("ORDER_SERVER_TLS_CERT_FILE", path_in(folder, "server.pem", path), 1),
                     0);
    (void)snprintf(the_system.tls[0], sizeof the_system.tls[0], "tls+tcp://127.0.0.1:%u",
                   free_port());
    system_start_server(&the_system, 0, NULL);
    system_start_worker(&the_system, 0, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unsetenv("ORDER_SERVER_POLICY_FILE");
    (void)unsetenv("ORDER_SERVER_TLS_CA_FILE");
    (void)unsetenv("ORDER_SERVER_TLS_CERT_FILE");
    system_destroy(&the_system);
    return 0;
}

static struct rpc_channel *open_as(const char *certificate)
{
    char ca[PATH_BYTES + 32], cert[PATH_BYTES + 32];
    const struct rpc_channel_options options = {
        .endpoint = the_system.tls[0],
        .timeout_ms = 20000,
        .tls = {.ca_file = path_in(folder, "ca.pem", ca),
                .cert_file = path_in(folder, certificate, cert),
                .server_name = "localhost"}};
    struct rpc_channel *channel;
    struct failure failure;
    assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_OK);
    return channel;
}

static void test_a_certificates_name_has_its_roles(void **state)
{
    (void)state;
    struct rpc_channel *operator= open_as("operator.pem"), *reader = open_as("reader.pem");
    system_create_product(operator, "p-1", 10);
    system_wait_settled(&the_system, 30000);
    assert_int_equal(system_create_order(operator, NULL, "p-1", 1).code, STATUS_OK);
    struct answer refused = system_create_order(reader, NULL, "p-1", 1);
    assert_int_equal(refused.code, STATUS_PERMISSION_DENIED);
    assert_string_equal(refused.failure.reason, "ROLE_MISSING");
    system_wait_settled(&the_system, 60000);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"), 1);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM order_events WHERE "
                                                        "actor = 'cn:operator'"),
                     1);
    rpc_channel_close(&operator);
    rpc_channel_close(&reader);
}

/* orderctl over tls with these files; its exit code and what it said. */
static int orderctl(const char *ca, const char *certificate, const char *line, char **output_out)
{
    char arguments[512], path[PATH_BYTES];
    const char *argv[24] = {path};
    struct process process;
    char log[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/orderctl", getenv("ORDER_BIN_DIR"));
    (void)snprintf(log, sizeof log, "%s/tls.out", the_system.directory);
    (void)unlink(log);
    int size =
        snprintf(arguments, sizeof arguments,
                 "-e %s --tls-ca %s --tls-cert %s --tls-server-name localhost --timeout 3s %s",
                 the_system.tls[0], ca, certificate, line);
    assert_in_range(size, 1, sizeof arguments - 1);
    size_t count = 1;
    char *save = NULL;
    for (char *at = strtok_r(arguments, " ", &save); at != NULL && count < 23;
         at = strtok_r(NULL, " ", &save)) {
        argv[count++] = at;
    }
    process_start(&process, argv, (const char *[]){NULL}, log);
    int code = process_wait(&process, 60000);
    *output_out = read_whole(log);
    return code;
}

static void expect_orderctl(const char *ca_folder, const char *cert_folder, const char *certificate,
                            const char *line, int code, const char *said)
{
    char ca[PATH_BYTES + 32], cert[PATH_BYTES + 32], *output;
    int ended = orderctl(path_in(ca_folder, "ca.pem", ca), path_in(cert_folder, certificate, cert),
                         line, &output);
    if (ended != code || strstr(output, said) == NULL) {
        fail_msg("%s with %s: %d, %s", line, cert, ended, output);
    }
    free(output);
}

static void test_orderctl_over_tls(void **state)
{
    (void)state;
    expect_orderctl(folder, folder, "reader.pem", "health", 0, "SERVING");
    expect_orderctl(folder, folder, "reader.pem", "product list", 0, "p-1");
    expect_orderctl(folder, folder, "reader.pem", "order create --customer a p-1=1", 1,
                    "ROLE_MISSING");
    expect_orderctl(folder, folder, "operator.pem", "order create --customer a p-1=1", 0, "QUEUED");
    expect_orderctl(strangers, folder, "operator.pem", "product list", 3, "TLS_FAILED");
    expect_orderctl(folder, strangers, "operator.pem", "product list", 3, "TLS_FAILED");
    expect_orderctl(folder, folder, "nobody.pem", "product list", 2, "TLS_INVALID");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificates_name_has_its_roles),
        cmocka_unit_test(test_orderctl_over_tls),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
