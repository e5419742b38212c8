/* Who gets in and who they are said to be: certificates over tls+tcp, modes and users over ipc, and
 * calls that may not be made. Certificates are made with the openssl program. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "tests/cmocka_all.h"

#define REFUSED_MS 700 /* who is refused waits for an answer this long */

static char folder[] = "/tmp/test-rpc-security-XXXXXX";
static char paths[7][96];
enum { CA, SERVER, CLIENT, STRANGER_CA, STRANGER, OLD_CLIENT, OLD_SERVER };

#define IN_FORCE     "-days 2"
#define LONG_EXPIRED "-not_before 20200101000000Z -not_after 20200102000000Z"

static void run(const char *command)
{
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

/* A CA of that name: certificate and key in one file. */
static void make_ca(int which, const char *name)
{
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                   "-days 2 -subj /CN=%s -keyout %s.key -out %s.crt 2>/dev/null && cat %s.crt "
                   "%s.key >%s",
                   folder, name, name, name, name, name, paths[which]);
    run(command);
}

static void make_certificate(int which, const char *ca, const char *name, const char *when)
{
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
                   "/CN=%s -keyout %s.key -out %s.csr 2>/dev/null && openssl x509 -req -in %s.csr "
                   "-CA %s.crt -CAkey %s.key -CAcreateserial %s -out %s.crt 2>/dev/null && "
                   "cat %s.crt %s.key >%s",
                   folder, name, name, name, name, ca, ca, when, name, name, name, paths[which]);
    run(command);
}

static int make_files(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/%zu.pem", folder, i);
    }
    make_ca(CA, "ca");
    make_certificate(SERVER, "ca", "localhost", IN_FORCE);
    make_certificate(CLIENT, "ca", "client-a", IN_FORCE);
    make_certificate(OLD_CLIENT, "ca", "client-old", LONG_EXPIRED);
    make_certificate(OLD_SERVER, "ca", "localhost-old", LONG_EXPIRED);
    make_ca(STRANGER_CA, "other");
    make_certificate(STRANGER, "other", "client-a2", IN_FORCE);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    run(command);
    return 0;
}

/* A caller without a certificate, which a channel would not be. */
static void expect_no_entry_without_one(const char *endpoint)
{
    nng_socket socket;
    nng_dialer dialer;
    nng_tls_config *config;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_dialer_create(&dialer, socket, endpoint), 0);
    assert_int_equal(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
    assert_int_equal(nng_tls_config_ca_file(config, paths[CA]), 0);
    assert_int_equal(nng_tls_config_server_name(config, "localhost"), 0);
    assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
    nng_tls_config_free(config);
    assert_int_not_equal(nng_dialer_start(dialer, 0), 0); /* waits for the handshake */
    (void)nng_close(socket);
}

/* A server with that certificate, on a tls endpoint of its own. */
static void start_tls(struct toy *toy, int certificate, char endpoint[160])
{
    char plain[128];
    toy_endpoint("tcp", plain);
    (void)snprintf(endpoint, 160, "tls+tcp://localhost%s", strrchr(plain, ':'));
    const struct toy_options options = {
        .endpoint = endpoint,
        .security = {.tls_cert_file = paths[certificate], .tls_ca_file = paths[CA]}};
    start_toy(toy, &options);
}

static void call_over_tls(struct outcome *outcome, const char *endpoint, int ca, int certificate,
                          const char *server_name, int32_t timeout_ms)
{
    const struct rpc_channel_options options = {
        .endpoint = endpoint,
        .timeout_ms = timeout_ms,
        .tls = {.ca_file = paths[ca], .cert_file = paths[certificate], .server_name = server_name}};
    struct rpc_channel *channel = toy_channel_open(&options);
    create_order(outcome, channel, "r", "principal", false);
    rpc_channel_close(&channel);
}

static void test_a_certificate_is_a_name_and_none_is_no_entry(void **state)
{
    (void)state;
    char plain[128], endpoint[160];
    struct toy toy;
    struct outcome outcome;
    start_tls(&toy, SERVER, endpoint);
    call_over_tls(&outcome, endpoint, CA, CLIENT, NULL, TOY_WAIT_MS);
    assert_string_equal(outcome.customer_id, "cn:client-a");
    expect_no_entry_without_one(endpoint);
    (void)snprintf(plain, sizeof plain, "tcp://localhost%s", strrchr(endpoint, ':'));
    call_over_tls(&outcome, plain, CA, CLIENT, NULL, REFUSED_MS);
    assert_int_equal(outcome.stub.failure.code, STATUS_UNAVAILABLE);
    call_over_tls(&outcome, endpoint, CA, CLIENT, NULL, TOY_WAIT_MS); /* still */
    assert_string_equal(outcome.customer_id, "cn:client-a");
    toy_stop(&toy);
}

static void test_a_channel_speaks_tls(void **state)
{
    (void)state;
    static const char *const NAMES[] = {NULL, "", "localhost"};
    struct toy toy;
    struct outcome outcome;
    char endpoint[160], by_address[160];
    start_tls(&toy, SERVER, endpoint);
    for (size_t i = 0; i < 3; i++) {
        call_over_tls(&outcome, endpoint, CA, CLIENT, NAMES[i], TOY_WAIT_MS);
        assert_int_equal(outcome.stub.failure.code, STATUS_OK);
        assert_string_equal(outcome.customer_id, "cn:client-a");
    }
    /* A server may be reached by another name than its certificate has. */
    (void)snprintf(by_address, sizeof by_address, "tls+tcp://127.0.0.1%s", strrchr(endpoint, ':'));
    call_over_tls(&outcome, by_address, CA, CLIENT, "localhost", TOY_WAIT_MS);
    assert_string_equal(outcome.customer_id, "cn:client-a");
    toy_stop(&toy);
}

/* Refused or not yet: with more time where a busy machine has not come to the handshake's end. */
static void call_until_refused(struct outcome *outcome, const char *endpoint, int ca, int client,
                               const char *name)
{
    for (int32_t time_ms = REFUSED_MS; time_ms <= TOY_WAIT_MS; time_ms *= 3) {
        call_over_tls(outcome, endpoint, ca, client, name, time_ms);
        if (strcmp(outcome->stub.failure.reason, "NO_SERVER") != 0) {
            return;
        }
    }
}

static void test_certificates_that_do_not_fit_are_said_to_be_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int server, ca, client;
        const char *name;
    } CASES[] = {
        {"a server of another CA", SERVER, STRANGER_CA, CLIENT, NULL},
        {"a caller of another CA", SERVER, CA, STRANGER, NULL},
        {"a server of another name", SERVER, CA, CLIENT, "elsewhere"},
        {"a caller whose time is over", SERVER, CA, OLD_CLIENT, NULL},
        {"a server whose time is over", OLD_SERVER, CA, CLIENT, "localhost-old"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct toy toy;
        struct outcome outcome;
        char endpoint[160];
        start_tls(&toy, CASES[i].server, endpoint);
        call_until_refused(&outcome, endpoint, CASES[i].ca, CASES[i].client, CASES[i].name);
        if (strcmp(outcome.stub.failure.reason, "TLS_FAILED") != 0) {
            fail_msg("%s: %s: %s", CASES[i].what, outcome.stub.failure.reason,
                     outcome.stub.failure.message);
        }
        assert_int_equal(outcome.stub.failure.code, STATUS_UNAVAILABLE);
        assert_int_equal(atomic_load(&toy.created), 0);
        toy_stop(&toy);
    }
}

static void test_a_channel_does_not_open_without_its_files(void **state)
{
    (void)state;
    static const struct rpc_tls CASES[] = {
        {0},
        {.ca_file = paths[CA]},
        {.cert_file = paths[CLIENT]},
        {.ca_file = "", .cert_file = paths[CLIENT]},
        {.ca_file = "/nonexistent", .cert_file = paths[CLIENT]},
        {.ca_file = paths[CA], .cert_file = "/nonexistent"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct rpc_channel_options options = {
            .endpoint = "ipc:///tmp/order-none,tls+tcp://localhost:1", .tls = CASES[i]};
        struct rpc_channel *channel = NULL;
        struct failure failure;
        assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "TLS_INVALID");
        assert_null(channel);
    }
}

static void expect_no_start(const char *endpoint, const struct rpc_security *security,
                            const char *reason)
{
    static struct toy toy;
    struct failure failure;
    struct toy_options options = {.endpoint = endpoint, .security = *security};
    assert_int_not_equal(toy_start(&toy, &options, &failure), STATUS_OK);
    assert_string_equal(failure.reason, reason);
}

static void test_tls_does_not_start_without_its_files(void **state)
{
    (void)state;
    const char *endpoint = "tls+tcp://127.0.0.1:1";
    expect_no_start(endpoint, &(struct rpc_security){0}, "ENDPOINT_INVALID");
    expect_no_start(endpoint, &(struct rpc_security){.tls_cert_file = paths[SERVER]},
                    "ENDPOINT_INVALID");
    expect_no_start(
        endpoint, &(struct rpc_security){.tls_cert_file = "/nonexistent", .tls_ca_file = paths[CA]},
        "ENDPOINT_FAILED");
}

static void test_an_ipc_socket_has_its_mode_and_its_users_names(void **state)
{
    (void)state;
    static const unsigned modes[] = {0, 0600, 0660, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct toy toy;
        struct toy_options options = {.security = {.ipc_mode = modes[i]}};
        start_toy(&toy, &options);
        struct stat found;
        assert_int_equal(stat(toy.endpoint + strlen("ipc://"), &found), 0);
        assert_int_equal(found.st_mode & 0777, modes[i] != 0 ? modes[i] : 0600);
        char expected[32];
        (void)snprintf(expected, sizeof expected, "uid:%u", (unsigned)getuid());
        struct rpc_channel *channel = toy_channel(toy.endpoint);
        struct outcome outcome;
        create_order(&outcome, channel, "r", "principal", false);
        assert_string_equal(outcome.customer_id, expected);
        rpc_channel_close(&channel);
        toy_stop(&toy);
    }
}

static enum status only_reads(void *context, const struct rpc_call *call, struct failure *failure)
{
    (void)atomic_fetch_add((atomic_size_t *)context, 1);
    return strstr(rpc_call_method(call), "/Get") != NULL
               ? STATUS_OK
               : failure_set(failure, STATUS_PERMISSION_DENIED, "ROLE_MISSING", "no");
}

static void test_what_is_not_allowed_reaches_no_handler(void **state)
{
    (void)state;
    atomic_size_t asked = 0;
    struct toy toy;
    struct toy_options options = {.security = {.authorize = only_reads, .context = &asked}};
    start_toy(&toy, &options);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct outcome outcome;
    create_order(&outcome, channel, "r", "c", false);
    assert_int_equal(outcome.stub.failure.code, STATUS_PERMISSION_DENIED);
    assert_string_equal(outcome.stub.failure.reason, "ROLE_MISSING");
    assert_int_equal(atomic_load(&toy.created), 0);
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    shop__v1__order_service__get_order(&stub.service, &request, ignore_order, NULL);
    assert_int_equal(stub.failure.code, STATUS_OK);
    assert_true(atomic_load(&asked) >= 2);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_is_a_name_and_none_is_no_entry),
        cmocka_unit_test(test_a_channel_speaks_tls),
        cmocka_unit_test(test_certificates_that_do_not_fit_are_said_to_be_the_reason),
        cmocka_unit_test(test_a_channel_does_not_open_without_its_files),
        cmocka_unit_test(test_tls_does_not_start_without_its_files),
        cmocka_unit_test(test_an_ipc_socket_has_its_mode_and_its_users_names),
        cmocka_unit_test(test_what_is_not_allowed_reaches_no_handler),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
