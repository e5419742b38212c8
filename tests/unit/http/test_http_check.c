#include "http/http_check.h"
#include "tests/cmocka_all.h"

#define HEADER(name, value) \
    {{(const uint8_t *)(name), sizeof(name) - 1}, {(const uint8_t *)(value), sizeof(value) - 1}}

static const char *check(const char *verb, const char *target, const char *version,
                         const struct http_header *headers, size_t count)
{
    struct http_head head = {.verb = verb,
                             .version = version,
                             .target = bytes_of_text(target),
                             .headers = headers,
                             .header_count = count};
    return http_check(&head);
}

/* With a Host in front. */
static const char *check_headers(struct http_header first, struct http_header second)
{
    struct http_header headers[] = {HEADER("Host", "a"), first, second};
    return check("POST", "/x?y", "HTTP/1.1", headers, second.name.data == NULL ? 2 : 3);
}

static void test_what_is_fine(void **state)
{
    (void)state;
    const struct http_header host = HEADER("host", "a");
    assert_null(check("GET", "/", "HTTP/1.1", &host, 1));
    assert_null(check("GET", "/", "HTTP/1.0", NULL, 0));
    assert_null(check_headers((struct http_header)HEADER("Content-Length", "12"),
                              (struct http_header)HEADER("X-Y_z", "a\tb \xC3\xA4")));
    assert_null(check_headers((struct http_header)HEADER("transfer-encoding", "Chunked"),
                              (struct http_header)HEADER("Accept", "")));
    assert_null(check_headers((struct http_header)HEADER("Accept", "a"),
                              (struct http_header)HEADER("Accept", "b")));
}

static void test_framing_that_could_be_read_in_two_ways(void **state)
{
    (void)state;
    static const struct http_header none;
    assert_non_null(check_headers((struct http_header)HEADER("Content-Length", "1"),
                                  (struct http_header)HEADER("content-length", "1")));
    assert_non_null(check_headers((struct http_header)HEADER("Content-Length", "1"),
                                  (struct http_header)HEADER("Transfer-Encoding", "chunked")));
    assert_non_null(check_headers((struct http_header)HEADER("Transfer-Encoding", "chunked"),
                                  (struct http_header)HEADER("Transfer-Encoding", "chunked")));
    assert_non_null(check_headers((struct http_header)HEADER("Transfer-Encoding", "gzip"), none));
    assert_non_null(check_headers((struct http_header)HEADER("Content-Length", "1 "), none));
    assert_non_null(check_headers((struct http_header)HEADER("Host", "b"), none));
    const struct http_header chunked = HEADER("Transfer-Encoding", "chunked");
    assert_non_null(check("POST", "/", "HTTP/1.0", &chunked, 1));
    assert_non_null(check("GET", "/", "HTTP/1.1", NULL, 0));
    assert_non_null(check("GET", "/", "HTTP/2.0", NULL, 0));
}

static void test_malformed_pieces(void **state)
{
    (void)state;
    static const struct http_header none;
    const struct http_header host = HEADER("Host", "a");
    assert_non_null(check_headers((struct http_header)HEADER("", "a"), none));
    assert_non_null(check_headers((struct http_header)HEADER("a b", "a"), none));
    assert_non_null(check_headers((struct http_header)HEADER("a\xC3", "a"), none));
    assert_non_null(check_headers((struct http_header)HEADER("a\0b", "a"), none));
    assert_non_null(check_headers((struct http_header)HEADER("a", "b\0c"), none));
    assert_non_null(check_headers((struct http_header)HEADER("a", "b\x7f"), none));
    assert_non_null(check_headers((struct http_header)HEADER("a", "b\nc"), none));
    static const char *const TARGETS[] = {"",     "x",     "*",     "http://a/",
                                          "/a b", "/\x7f", "/\xC3", "/#a"};
    for (size_t i = 0; i < sizeof TARGETS / sizeof *TARGETS; i++) {
        assert_non_null(check("GET", TARGETS[i], "HTTP/1.1", &host, 1));
    }
    assert_non_null(check("G T", "/", "HTTP/1.1", &host, 1));
    assert_non_null(check("", "/", "HTTP/1.1", &host, 1));
    assert_non_null(check("ABCDEFGHIJKLMNOPQ", "/", "HTTP/1.1", &host, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_fine),
        cmocka_unit_test(test_framing_that_could_be_read_in_two_ways),
        cmocka_unit_test(test_malformed_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
