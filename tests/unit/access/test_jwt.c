/* Tokens against the rules, at the edges of each limit. Signed here with Ed25519; the other
 * algorithms, signed by others' code, are in tests/gateway/jwt.test.mjs. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/jwt.h"
#include "json/base64.h"
#include "tests/cmocka_all.h"

#define NOW    1000000
#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}"
#define CLAIMS "\"iss\":\"https://issuer\",\"aud\":\"shop\",\"sub\":\"ada\",\"exp\":1000100"

static const struct jwt_rules RULES = {.algorithm = JWT_EDDSA,
                                       .issuer = "https://issuer",
                                       .audience = "shop",
                                       .customer_claim = "sub",
                                       .scope_claim = "scope",
                                       .leeway_s = 30};
static EVP_PKEY *key;
static struct jwt_keys *keys;
static char file[] = "/tmp/order-jwks-XXXXXX";

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

/* A key's JWK with this kid, and more members. */
static void print_key(const char *kid, const char *more, char *out, size_t room)
{
    uint8_t raw[32];
    size_t size = sizeof raw;
    char x[BASE64_ENCODED_BYTES(sizeof raw) + 1] = "";
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &size), 1);
    x[base64_encode(bytes_of(raw, size), BASE64_URL, x)] = '\0';
    (void)snprintf(out, room, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"%s\",\"x\":\"%s\"%s}",
                   kid, x, more);
}

static enum status load(const char *text, struct failure *failure)
{
    write_file(text);
    jwt_keys_destroy(&keys);
    return jwt_keys_load(file, JWT_EDDSA, &keys, failure);
}

static int set_up(void **state)
{
    (void)state;
    char one[512], set[600];
    struct failure failure;
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_non_null(key);
    int descriptor = mkstemp(file);
    assert_true(descriptor >= 0);
    (void)close(descriptor);
    print_key("k1", "", one, sizeof one);
    (void)snprintf(set, sizeof set, "{\"keys\":[%s]}", one);
    assert_int_equal(load(set, &failure), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    jwt_keys_destroy(&keys);
    EVP_PKEY_free(key);
    return unlink(file);
}

static size_t encode(const char *text, char *out)
{
    return base64_encode(bytes_of_text(text), BASE64_URL, out);
}

/* header.claims.signature, for free(). */
static char *sign(const char *header, const char *claims)
{
    uint8_t signature[64];
    size_t size = sizeof signature;
    char *text = calloc(1, 2 * (strlen(header) + strlen(claims)) + 256);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_non_null(text);
    size_t used = encode(header, text);
    text[used++] = '.';
    used += encode(claims, text + used);
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &size, (const unsigned char *)text, used),
                     1);
    EVP_MD_CTX_free(context);
    text[used++] = '.';
    used += base64_encode(bytes_of(signature, size), BASE64_URL, text + used);
    text[used] = '\0';
    return text;
}

static enum status check_text(const char *text, int64_t now_s, struct jwt_claims *claims,
                              struct failure *failure)
{
    struct arena arena;
    *failure = (struct failure){0};
    arena_init(&arena, 4096, 65536);
    enum status status = jwt_check(keys, &RULES, text, now_s, &arena, claims, failure);
    arena_fini(&arena);
    return status;
}

static enum status check(const char *header, const char *claims, int64_t now_s,
                         struct jwt_claims *out, struct failure *failure)
{
    char *text = sign(header, claims);
    enum status status = check_text(text, now_s, out, failure);
    free(text);
    return status;
}

static void expect_refused(const char *header, const char *claims, const char *why)
{
    struct jwt_claims out;
    struct failure failure;
    assert_int_equal(check(header, claims, NOW, &out, &failure), STATUS_UNAUTHENTICATED);
    assert_string_equal(failure.reason, "TOKEN_INVALID");
    if (strstr(failure.message, why) == NULL) {
        print_error("%s %s: %s, not %s\n", header, claims, failure.message, why);
        fail();
    }
}

static void test_a_good_token(void **state)
{
    (void)state;
    struct jwt_claims out;
    struct failure failure;
    assert_int_equal(check(HEADER,
                           "{" CLAIMS ",\"scope\":\"openid order.read https://x order.write\"}",
                           NOW, &out, &failure),
                     STATUS_OK);
    assert_string_equal(out.subject, "ada");
    assert_string_equal(out.customer_id, "ada");
    assert_string_equal(out.scopes, "openid,order.read,order.write");
    assert_int_equal(check("{\"alg\":\"EdDSA\",\"kid\":\"k1\"}",
                           "{" CLAIMS ",\"scope\":[\"order.read\",\"a,b\",\"order.write\"]}", NOW,
                           &out, &failure),
                     STATUS_OK);
    assert_string_equal(out.scopes, "order.read,order.write");
    assert_int_equal(check(HEADER, "{" CLAIMS "}", NOW, &out, &failure), STATUS_OK);
    assert_string_equal(out.scopes, "");
    /* Who may act for any customer stands for none; a star of an issuer is not that. */
    assert_int_equal(check(HEADER, "{" CLAIMS ",\"scope\":\"customer.any\"}", NOW, &out, &failure),
                     STATUS_OK);
    assert_string_equal(out.customer_id, "");
    assert_int_equal(check(HEADER, "{" CLAIMS ",\"scope\":\"*\"}", NOW, &out, &failure), STATUS_OK);
    assert_string_equal(out.customer_id, "ada");
}

static void test_times_on_both_sides_of_the_leeway(void **state)
{
    (void)state;
    struct jwt_claims out;
    struct failure failure;
    const char *claims = "{" CLAIMS ",\"nbf\":1000050}";
    assert_int_equal(check(HEADER, claims, 1000100 + 29, &out, &failure), STATUS_OK);
    assert_int_equal(check(HEADER, claims, 1000100 + 30, &out, &failure), STATUS_UNAUTHENTICATED);
    assert_string_equal(failure.reason, "TOKEN_EXPIRED");
    assert_int_equal(check(HEADER, claims, 1000050 - 30, &out, &failure), STATUS_OK);
    assert_int_equal(check(HEADER, claims, 1000050 - 31, &out, &failure), STATUS_UNAUTHENTICATED);
    assert_string_equal(failure.reason, "TOKEN_INVALID");
}

static void test_headers_that_are_refused(void **state)
{
    (void)state;
    const char *claims = "{" CLAIMS "}";
    expect_refused("{\"alg\":\"none\",\"kid\":\"k1\"}", claims, "algorithm");
    expect_refused("{\"alg\":\"HS256\",\"kid\":\"k1\"}", claims, "algorithm");
    expect_refused("{\"alg\":\"eddsa\",\"kid\":\"k1\"}", claims, "algorithm");
    expect_refused("{\"alg\":[\"EdDSA\"],\"kid\":\"k1\"}", claims, "algorithm");
    expect_refused("{\"kid\":\"k1\"}", claims, "algorithm");
    expect_refused("{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"kid\":\"k1\"}", claims, "malformed");
    expect_refused("{\"alg\":\"EdDSA\"}", claims, "kid");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":\"k2\"}", claims, "kid");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":1}", claims, "kid");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":\"k1\\u0000\"}", claims, "kid");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"typ\":\"logout+jwt\"}", claims, "type");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"typ\":7}", claims, "type");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"crit\":[\"b64\"]}", claims, "crit");
    expect_refused("[]", claims, "malformed");
    expect_refused("\"EdDSA\"", claims, "malformed");
}

static void test_claims_that_are_refused(void **state)
{
    (void)state;
#define WITHOUT_AUD "\"iss\":\"https://issuer\",\"sub\":\"ada\",\"exp\":1000100"
#define WITHOUT_EXP "\"iss\":\"https://issuer\",\"aud\":\"shop\",\"sub\":\"ada\""
#define WITHOUT_SUB "\"iss\":\"https://issuer\",\"aud\":\"shop\",\"exp\":1000100"
    expect_refused(HEADER, "{\"iss\":\"https://issuer/\",\"aud\":\"shop\"}", "issuer");
    expect_refused(HEADER, "{\"iss\":[\"https://issuer\"],\"aud\":\"shop\"}", "issuer");
    expect_refused(HEADER, "{" WITHOUT_AUD "}", "audience");
    expect_refused(HEADER, "{" WITHOUT_AUD ",\"aud\":\"shop2\"}", "audience");
    expect_refused(HEADER, "{" WITHOUT_AUD ",\"aud\":[]}", "audience");
    expect_refused(HEADER, "{" WITHOUT_AUD ",\"aud\":[\"a\",[\"shop\"]]}", "audience");
    expect_refused(HEADER, "{" WITHOUT_AUD ",\"aud\":{\"shop\":1}}", "audience");
    expect_refused(HEADER, "{" WITHOUT_EXP "}", "exp");
    expect_refused(HEADER, "{" WITHOUT_EXP ",\"exp\":\"1000100\"}", "exp");
    expect_refused(HEADER, "{" WITHOUT_EXP ",\"exp\":null}", "exp");
    expect_refused(HEADER, "{" WITHOUT_EXP ",\"exp\":true}", "exp");
    expect_refused(HEADER, "{" WITHOUT_EXP ",\"exp\":1e300}", "exp");
    expect_refused(HEADER, "{" CLAIMS ",\"exp\":1000100}", "malformed");
    expect_refused(HEADER, "{" CLAIMS ",\"nbf\":\"soon\"}", "exp");
    expect_refused(HEADER, "{" WITHOUT_SUB "}", "subject");
    expect_refused(HEADER, "{" WITHOUT_SUB ",\"sub\":7}", "subject");
    expect_refused(HEADER, "{" WITHOUT_SUB ",\"sub\":\"\"}", "subject");
    expect_refused(HEADER, "{" WITHOUT_SUB ",\"sub\":\"ada lovelace\"}", "customer");
    expect_refused(HEADER, "{" WITHOUT_SUB ",\"sub\":\"auth0|ada\"}", "customer");
    expect_refused(HEADER, "{" CLAIMS ",\"scope\":7}", "scopes");
    expect_refused(HEADER, "{" CLAIMS ",\"scope\":[7]}", "scopes");
    expect_refused(HEADER, "{" CLAIMS ",\"scope\":{\"order.read\":true}}", "scopes");
    expect_refused(HEADER, "{" CLAIMS ",\"x\":[[[[[[[[1]]]]]]]]}", "malformed");
    expect_refused(HEADER, "{" CLAIMS "}x", "malformed");
    expect_refused(HEADER, "", "neither");
}

static void test_an_aud_of_several(void **state)
{
    (void)state;
    struct jwt_claims out;
    struct failure failure;
    assert_int_equal(
        check(HEADER, "{" WITHOUT_AUD ",\"aud\":[1,\"other\",\"shop\"]}", NOW, &out, &failure),
        STATUS_OK);
}

/* Every bit counts, and so does where the dots are. */
static void test_texts_that_were_tampered_with(void **state)
{
    (void)state;
    struct jwt_claims out;
    struct failure failure;
    char *good = sign(HEADER, "{" CLAIMS "}");
    size_t size = strlen(good);
    assert_int_equal(check_text(good, NOW, &out, &failure), STATUS_OK);
    for (size_t i = 0; i < size - 1; i++) { /* the last digit has bits that mean nothing */
        char kept = good[i];
        good[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(check_text(good, NOW, &out, &failure), STATUS_UNAUTHENTICATED);
        good[i] = '\0';
        assert_int_equal(check_text(good, NOW, &out, &failure), STATUS_UNAUTHENTICATED);
        good[i] = '=';
        assert_int_equal(check_text(good, NOW, &out, &failure), STATUS_UNAUTHENTICATED);
        good[i] = kept;
    }
    char more[4096];
    (void)snprintf(more, sizeof more, "%s.", good);
    assert_int_equal(check_text(more, NOW, &out, &failure), STATUS_UNAUTHENTICATED);
    (void)snprintf(more, sizeof more, " %s", good);
    assert_int_equal(check_text(more, NOW, &out, &failure), STATUS_UNAUTHENTICATED);
    const char *const bad[] = {"", ".", "..", "...", "a.b.c", "a.b", ".b.c", "a..c", "a.b."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(check_text(bad[i], NOW, &out, &failure), STATUS_UNAUTHENTICATED);
    }
    free(good);
}

/* Claims with a member of so many x. */
static enum status check_padded(const char *before, int size, const char *behind,
                                struct failure *failure)
{
    static char claims[2 * JWT_BYTES_MAX], padding[2 * JWT_BYTES_MAX];
    struct jwt_claims out;
    memset(padding, 'x', sizeof padding);
    (void)snprintf(claims, sizeof claims, "{%s%.*s%s}", before, size, padding, behind);
    return check(HEADER, claims, NOW, &out, failure);
}

static void test_sizes_on_both_sides(void **state)
{
    (void)state;
    struct failure failure;
    /* The text's bytes go by fours of three: find the last size that fits. */
    int size = 5900;
    while (check_padded(CLAIMS ",\"x\":\"", size, "\"", &failure) == STATUS_OK) {
        size++;
    }
    assert_string_equal(failure.reason, "TOKEN_INVALID");
    assert_non_null(strstr(failure.message, "neither"));
    assert_in_range(size, 5950, 6010); /* 8,192 less header and signature, times 3/4 */
    const char *subject = WITHOUT_SUB ",\"sub\":\"", *any = "\",\"scope\":\"customer.any\"";
    assert_int_equal(check_padded(subject, JWT_SUBJECT_BYTES - 1, any, &failure), STATUS_OK);
    assert_int_equal(check_padded(subject, JWT_SUBJECT_BYTES, any, &failure),
                     STATUS_UNAUTHENTICATED);
    assert_int_equal(check_padded(subject, JWT_CUSTOMER_BYTES - 1, "\"", &failure), STATUS_OK);
    assert_int_equal(check_padded(subject, JWT_CUSTOMER_BYTES, "\"", &failure),
                     STATUS_UNAUTHENTICATED);
    const char *scopes = CLAIMS ",\"scope\":\"";
    assert_int_equal(check_padded(scopes, JWT_SCOPES_BYTES - 2, "\"", &failure), STATUS_OK);
    assert_int_equal(check_padded(scopes, JWT_SCOPES_BYTES - 1, "\"", &failure),
                     STATUS_UNAUTHENTICATED);
    char header[2 * JWT_HEADER_BYTES_MAX];
    struct jwt_claims out;
    int left = JWT_HEADER_BYTES_MAX - (int)strlen("{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"x\":\"\"}");
    for (int more = 0; more <= 1; more++) {
        (void)snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"kid\":\"k1\",\"x\":\"%0*d\"}",
                       left + more, 0);
        assert_int_equal(check(header, "{" CLAIMS "}", NOW, &out, &failure),
                         more == 0 ? STATUS_OK : STATUS_UNAUTHENTICATED);
    }
}

static void expect_malformed(const char *set, const char *why)
{
    struct failure failure;
    assert_int_equal(load(set, &failure), STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "JWKS_MALFORMED");
    if (strstr(failure.message, why) == NULL) {
        print_error("%s: %s, not %s\n", set, failure.message, why);
        fail();
    }
}

static void test_key_sets(void **state)
{
    (void)state;
    static char set[64 * 1024];
    char one[512], two[512], kid[256];
    struct failure failure;
    print_key("k1", "", one, sizeof one);
    print_key("k2", ",\"use\":\"enc\"", two, sizeof two);
    (void)snprintf(set, sizeof set, "{\"keys\":[{\"kty\":\"RSA\"},{\"kty\":\"OKP\"},7,%s,%s]}", one,
                   two);
    assert_int_equal(load(set, &failure), STATUS_OK);
    assert_int_equal(jwt_keys_count(keys), 1); /* others are for something else */
    (void)snprintf(set, sizeof set, "{\"keys\":[%s,%s]}", one, one);
    expect_malformed(set, "two keys");
    print_key("k1", ",\"d\":\"AA\"", two, sizeof two);
    (void)snprintf(set, sizeof set, "{\"keys\":[%s]}", two);
    expect_malformed(set, "private");
    expect_malformed("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", "private");
    expect_malformed("{\"keys\":[]}", "no key");
    expect_malformed("{}", "no key");
    expect_malformed("[]", "JSON");
    expect_malformed("", "read");
    expect_malformed(
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"AAAA\"}]}", "weak");
    for (int size = JWT_KEY_ID_BYTES - 1; size <= JWT_KEY_ID_BYTES; size++) {
        (void)snprintf(kid, sizeof kid, "%0*d", size, 0);
        print_key(kid, "", one, sizeof one);
        (void)snprintf(set, sizeof set, "{\"keys\":[%s]}", one);
        assert_int_equal(load(set, &failure),
                         size < JWT_KEY_ID_BYTES ? STATUS_OK : STATUS_FAILED_PRECONDITION);
    }
    for (int count = JWT_KEYS_MAX; count <= JWT_KEYS_MAX + 1; count++) {
        size_t used = (size_t)snprintf(set, sizeof set, "{\"keys\":[");
        for (int i = 0; i < count; i++) {
            (void)snprintf(kid, sizeof kid, "k%d", i);
            print_key(kid, "", one, sizeof one);
            used += (size_t)snprintf(set + used, sizeof set - used, "%s%s", i > 0 ? "," : "", one);
        }
        (void)snprintf(set + used, sizeof set - used, "]}");
        assert_int_equal(load(set, &failure),
                         count == JWT_KEYS_MAX ? STATUS_OK : STATUS_FAILED_PRECONDITION);
    }
}

static void test_names_of_algorithms(void **state)
{
    (void)state;
    enum jwt_algorithm algorithm;
    assert_true(jwt_algorithm_parse("PS256", &algorithm));
    assert_int_equal(algorithm, JWT_PS256);
    assert_false(jwt_algorithm_parse("none", &algorithm));
    assert_false(jwt_algorithm_parse("HS256", &algorithm));
    assert_false(jwt_algorithm_parse("", &algorithm));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_token),
        cmocka_unit_test(test_times_on_both_sides_of_the_leeway),
        cmocka_unit_test(test_headers_that_are_refused),
        cmocka_unit_test(test_claims_that_are_refused),
        cmocka_unit_test(test_an_aud_of_several),
        cmocka_unit_test(test_texts_that_were_tampered_with),
        cmocka_unit_test(test_sizes_on_both_sides),
        cmocka_unit_test(test_key_sets),
        cmocka_unit_test(test_names_of_algorithms),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
