/* CORS: which pages of other origins a browser lets call the gateway
 * (https://fetch.spec.whatwg.org). By default none: then nothing is added and a preflight is a
 * request like any other. No cookies are ever involved, so credentials are never allowed: pages
 * send their key themselves. */
#pragma once

#include "http/http.h"

/* `origins`: "https://shop.example,https://admin.example", "*" for every page, or "" for none. Adds
 * the headers; true when the request was a preflight and is answered. Before anything else is. */
bool cors_handle(const char *origins, struct http_request *http);
