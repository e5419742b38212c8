/* See route.h. */
#include "gateway/route.h"

#include <string.h>

#define ALLOW_BYTES 48 /* all verbs there are */

static bool match(const char *template, struct bytes path, struct route *route, size_t *literals);
static bool match_variable(const char **template, struct bytes *path, struct route *route,
                           size_t *literals);
static void add_verb(char *allow, const char *verb);

enum route_result route_find(const char *verb, struct bytes path, struct arena *arena,
                             struct route *route_out, const char **allow_out)
{
    const char *wanted = strcmp(verb, "HEAD") == 0 ? "GET" : verb;
    char allow[ALLOW_BYTES] = "";
    size_t best = 0;
    for (size_t i = 0; i < method_count; i++) {
        for (size_t j = 0; j < methods[i].rule_count; j++) {
            const struct method_rule *rule = &methods[i].rules[j];
            struct route route = {.method = &methods[i], .rule = rule};
            size_t literals = 0;
            if (!match(rule->template, path, &route, &literals)) {
                continue;
            }
            if (strcmp(rule->verb, wanted) != 0) {
                add_verb(allow, rule->verb);
            } else if (literals > best) {
                best = literals;
                *route_out = route;
            }
        }
    }
    if (best > 0) {
        return ROUTE_FOUND;
    }
    *allow_out = arena_strdup(arena, allow);
    return allow[0] != '\0' ? ROUTE_OTHER_VERB : ROUTE_NONE;
}

static bool match(const char *template, struct bytes path, struct route *route, size_t *literals)
{
    while (*template != '\0') {
        if (*template == '{') {
            if (!match_variable(&template, &path, route, literals)) {
                return false;
            }
            continue;
        }
        if (path.size == 0 || path.data[0] != (uint8_t)*template) {
            return false;
        }
        path = bytes_of(path.data + 1, path.size - 1);
        template ++;
        (*literals)++;
    }
    return path.size == 0;
}

/* Takes "{order_id}", and the verb behind it, if any; and a segment of the path that ends with it.
 */
static bool match_variable(const char **template, struct bytes *path, struct route *route,
                           size_t *literals)
{
    const char *name = *template + 1;
    const char *close = strchr(name, '}');
    size_t verb_size = strcspn(close + 1, "/");
    const uint8_t *slash = path->size == 0 ? NULL : memchr(path->data, '/', path->size);
    size_t segment_size = slash == NULL ? path->size : (size_t)(slash - path->data);
    if (segment_size <= verb_size || route->variable_count == ROUTE_VARIABLES_MAX ||
        memcmp(path->data + segment_size - verb_size, close + 1, verb_size) != 0) {
        return false;
    }
    route->variables[route->variable_count].field = bytes_of(name, (size_t)(close - name));
    route->variables[route->variable_count++].text = bytes_of(path->data, segment_size - verb_size);
    *literals += verb_size;
    *template = close + 1 + verb_size;
    *path = bytes_of(path->data + segment_size, path->size - segment_size);
    return true;
}

/* "GET, HEAD, POST": each once. */
static void add_verb(char *allow, const char *verb)
{
    if (strstr(allow, verb) != NULL) {
        return;
    }
    const char *const pieces[] = {allow[0] == '\0' ? "" : ", ", verb,
                                  strcmp(verb, "GET") == 0 ? ", HEAD" : ""};
    size_t used = strlen(allow);
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(pieces[i]);
        if (used + size < ALLOW_BYTES) {
            memcpy(allow + used, pieces[i], size + 1);
            used += size;
        }
    }
}
