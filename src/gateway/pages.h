/* Pages: what the gateway shows to people and to tools that look for it: the interface's
 * description at /openapi.json and a reference to read at /docs, both made of the contracts, and
 * the console at /console, which works through the interface like anybody else. Embedded at build
 * time; they ask no other host for anything, and need no key, because they say nothing of anyone.
 */
#pragma once

#include "http/http.h"

/* False, and nothing done, when the path is none of them. */
bool pages_handle(struct http_request *http);
