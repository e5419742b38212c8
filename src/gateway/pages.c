/* See pages.h. */
#include "gateway/pages.h"

#include <embedded/CONSOLE_API_JS.h>
#include <embedded/CONSOLE_CHARTS_JS.h>
#include <embedded/CONSOLE_CSS.h>
#include <embedded/CONSOLE_HTML.h>
#include <embedded/CONSOLE_JS.h>
#include <embedded/DOCS_CSS.h>
#include <embedded/DOCS_HTML.h>
#include <embedded/DOCS_JS.h>
#include <embedded/OPENAPI_JSON.h>
#include <stdio.h>
#include <string.h>

#include "base/uuid.h"

#define JAVASCRIPT "text/javascript; charset=utf-8"
#define ETAG_BYTES 20
/* Nothing from elsewhere, nothing within another page. */
#define POLICY                                                                      \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

struct page {
    const char *path, *type, *text;
    size_t size;
};

static const struct page PAGES[] = {
    {"/openapi.json", "application/json", OPENAPI_JSON, sizeof OPENAPI_JSON - 1},
    {"/docs", "text/html; charset=utf-8", DOCS_HTML, sizeof DOCS_HTML - 1},
    {"/docs/docs.js", JAVASCRIPT, DOCS_JS, sizeof DOCS_JS - 1},
    {"/console", "text/html; charset=utf-8", CONSOLE_HTML, sizeof CONSOLE_HTML - 1},
    {"/console/console.js", JAVASCRIPT, CONSOLE_JS, sizeof CONSOLE_JS - 1},
    {"/console/console_api.js", JAVASCRIPT, CONSOLE_API_JS, sizeof CONSOLE_API_JS - 1},
    {"/console/console_charts.js", JAVASCRIPT, CONSOLE_CHARTS_JS, sizeof CONSOLE_CHARTS_JS - 1},
    {"/console/console.css", "text/css; charset=utf-8", CONSOLE_CSS, sizeof CONSOLE_CSS - 1},
    {"/docs/docs.css", "text/css; charset=utf-8", DOCS_CSS, sizeof DOCS_CSS - 1},
};

static const struct page *find(struct bytes path);
static void answer(struct http_request *http, const struct page *page);

bool pages_handle(struct http_request *http)
{
    const struct page *page = find(http_request_path(http));
    const char *verb = http_request_verb(http);
    if (page == NULL) {
        return false;
    }
    if (strcmp(verb, "GET") != 0 && strcmp(verb, "HEAD") != 0) {
        http_add_header(http, "Allow", "GET, HEAD");
        http_respond(http, 405, NULL, (struct bytes){0});
    } else {
        answer(http, page);
    }
    return true;
}

static const struct page *find(struct bytes path)
{
    for (size_t i = 0; i < sizeof PAGES / sizeof *PAGES; i++) {
        if (bytes_equal(bytes_of_text(PAGES[i].path), path)) {
            return &PAGES[i];
        }
    }
    return NULL;
}

/* Asked for anew each time, so that a new gateway is seen at once; what is still the same is not
 * sent. */
static void answer(struct http_request *http, const struct page *page)
{
    uint8_t hash[HASH_BYTES];
    hash_parts(&(struct hash_part){page->text, page->size}, 1, hash);
    char *etag = arena_alloc(http_request_arena(http), ETAG_BYTES);
    const char *known = http_request_header(http, "If-None-Match");
    if (etag != NULL) {
        (void)snprintf(etag, ETAG_BYTES, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", hash[0], hash[1],
                       hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]);
        http_add_header(http, "ETag", etag);
    }
    http_add_header(http, "Cache-Control", "no-cache");
    http_add_header(http, "Content-Security-Policy", POLICY);
    http_add_header(http, "Referrer-Policy", "no-referrer");
    bool is_same = etag != NULL && known != NULL && strstr(known, etag) != NULL;
    http_respond(http, is_same ? 304 : 200, page->type,
                 is_same ? (struct bytes){0} : bytes_of(page->text, page->size));
}
