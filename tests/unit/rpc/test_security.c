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
#include "rpc/envelope.h"
#include "rpc/message.h"
#include "tests/cmocka_all.h"

#define REFUSED_MS 700 /* who is refused waits for an answer this long */

static char folder[] = "/tmp/test-rpc-security-XXXXXX";
static char paths[5][96];
enum { CA, SERVER, CLIENT, STRANGER_CA, STRANGER };

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

static void make_certificate(int which, const char *ca, const char *name)
{
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "cd %s && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "
                   "/CN=%s -keyout %s.key -out %s.csr 2>/dev/null && openssl x509 -req -in %s.csr "
                   "-CA %s.crt -CAkey %s.key -CAcreateserial -days 2 -out %s.crt 2>/dev/null && "
                   "cat %s.crt %s.key >%s",
                   folder, name, name, name, name, ca, ca, name, name, name, paths[which]);
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
    make_certificate(SERVER, "ca", "localhost");
    make_certificate(CLIENT, "ca", "client-a");
    make_ca(STRANGER_CA, "other");
    make_certificate(STRANGER, "other", "client-a2");
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

/* A socket to the endpoint, with this certificate (NULL: none), that trusts the CA. */
static nng_socket dial(const char *endpoint, const char *certificate, int32_t timeout_ms)
{
    nng_socket socket;
    nng_dialer dialer;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_dialer_create(&dialer, socket, endpoint), 0);
    if (strncmp(endpoint, "tls", 3) == 0) {
        nng_tls_config *config;
        assert_int_equal(nng_tls_config_alloc(&config, NNG_TLS_MODE_CLIENT), 0);
        assert_int_equal(nng_tls_config_ca_file(config, paths[CA]), 0);
        assert_int_equal(nng_tls_config_server_name(config, "localhost"), 0);
        assert_int_equal(nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED), 0);
        if (certificate != NULL) {
            assert_int_equal(nng_tls_config_cert_key_file(config, certificate, NULL), 0);
        }
        assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
        nng_tls_config_free(config);
    }
    (void)nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, timeout_ms);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, timeout_ms);
    assert_int_equal(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
    return socket;
}

/* Who the server says that one is; "" when it does not answer. */
static void ask_principal(const char *endpoint, const char *certificate, int32_t timeout_ms,
                          char out[RPC_PRINCIPAL_BYTES])
{
    static uint8_t request[64 * 1024];
    const struct envelope_request envelope = {
        .method = "/shop.v1.OrderService/CreateOrder", .timeout_ms = 5000, .call_id = "c"};
    Shop__V1__CreateOrderRequest body = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    body.customer_id = text("principal");
    size_t size = envelope_encode_request(&envelope, request, sizeof request);
    size += shop__v1__create_order_request__pack(&body, request + size);
    nng_socket socket = dial(endpoint, certificate, timeout_ms);
    uint8_t *answer = NULL;
    size_t answer_size = 0;
    out[0] = '\0';
    if (nng_send(socket, request, size, 0) == 0 &&
        nng_recv(socket, &answer, &answer_size, NNG_FLAG_ALLOC) == 0) {
        struct arena arena;
        struct envelope_response response;
        ProtobufCMessage *order;
        arena_init(&arena, 4096, 1024 * 1024);
        assert_int_equal(
            envelope_decode_response(bytes_of(answer, answer_size), &arena, &response, NULL),
            STATUS_OK);
        assert_null(response.failure);
        assert_int_equal(
            message_decode(&shop__v1__order__descriptor, response.payload, &arena, &order, NULL),
            STATUS_OK);
        (void)snprintf(out, RPC_PRINCIPAL_BYTES, "%s", ((Shop__V1__Order *)order)->customer_id);
        arena_fini(&arena);
        nng_free(answer, answer_size);
    }
    (void)nng_close(socket);
}

static void test_a_certificate_is_a_name_and_none_is_no_entry(void **state)
{
    (void)state;
    char plain[128], endpoint[160], principal[RPC_PRINCIPAL_BYTES];
    toy_endpoint("tcp", plain);
    (void)snprintf(endpoint, sizeof endpoint, "tls+tcp://localhost%s", strrchr(plain, ':'));
    struct toy toy;
    struct toy_options options = {
        .endpoint = endpoint,
        .security = {.tls_cert_file = paths[SERVER], .tls_ca_file = paths[CA]}};
    start_toy(&toy, &options);
    ask_principal(endpoint, paths[CLIENT], TOY_WAIT_MS, principal);
    assert_string_equal(principal, "cn:client-a");
    ask_principal(endpoint, NULL, REFUSED_MS, principal);
    assert_string_equal(principal, "");
    ask_principal(endpoint, paths[STRANGER], REFUSED_MS, principal);
    assert_string_equal(principal, "");
    (void)snprintf(plain, sizeof plain, "tcp://localhost%s", strrchr(endpoint, ':'));
    ask_principal(plain, NULL, REFUSED_MS, principal);
    assert_string_equal(principal, "");
    ask_principal(endpoint, paths[CLIENT], TOY_WAIT_MS, principal); /* still */
    assert_string_equal(principal, "cn:client-a");
    toy_stop(&toy);
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
        char principal[RPC_PRINCIPAL_BYTES], expected[32];
        (void)snprintf(expected, sizeof expected, "uid:%u", (unsigned)getuid());
        ask_principal(toy.endpoint, NULL, TOY_WAIT_MS, principal);
        assert_string_equal(principal, expected);
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
        cmocka_unit_test(test_tls_does_not_start_without_its_files),
        cmocka_unit_test(test_an_ipc_socket_has_its_mode_and_its_users_names),
        cmocka_unit_test(test_what_is_not_allowed_reaches_no_handler),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
