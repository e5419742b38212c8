/* See if_match.h. */
#include "gateway/if_match.h"

#include <stdbool.h>
#include <string.h>

static bool take_etag(const char **at, struct arena *arena, struct if_match *list);
static bool is_ours(const char *etag, size_t size);

enum status if_match_read(const char *header, struct arena *arena, struct if_match *if_match_out,
                          struct failure *failure)
{
    static const char SPACE[] = " \t";
    struct if_match list = {.etags = arena_alloc(arena, IF_MATCH_ETAGS_MAX * sizeof *list.etags)};
    size_t read = 0;
    bool is_list = list.etags != NULL;
    const char *at = header;
    while (is_list) {
        at += strspn(at, " \t,"); /* elements may be empty */
        if (*at == '\0') {
            break;
        }
        is_list = read++ < IF_MATCH_ETAGS_MAX && take_etag(&at, arena, &list);
        at += strspn(at, SPACE);
        is_list = is_list && (*at == ',' || *at == '\0');
    }
    if (!is_list || read == 0) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "IF_MATCH_MALFORMED",
                           "If-Match is \"*\" or up to %d etags in quotes, with commas between",
                           IF_MATCH_ETAGS_MAX);
    }
    *if_match_out = list;
    return STATUS_OK;
}

/* False: there is none. One that cannot match is passed over. */
static bool take_etag(const char **at, struct arena *arena, struct if_match *list)
{
    bool is_weak = strncmp(*at, "W/", 2) == 0;
    const char *begin = *at + (is_weak ? 2 : 0);
    if (*begin != '"') {
        return false;
    }
    begin++;
    const char *end = begin;
    while ((unsigned char)*end > ' ' && *end != '"' && *end != 0x7F) {
        end++;
    }
    if (*end != '"') {
        return false;
    }
    *at = end + 1;
    size_t size = (size_t)(end - begin);
    if (is_weak || !is_ours(begin, size)) {
        return true;
    }
    char *etag = arena_alloc(arena, size + 1);
    if (etag == NULL) {
        return false;
    }
    memcpy(etag, begin, size);
    etag[size] = '\0';
    list->etags[list->count++] = etag;
    return true;
}

/* An empty one would ask for nothing at all, and no text of ours has bytes beyond ASCII. */
static bool is_ours(const char *etag, size_t size)
{
    bool is_ascii = true;
    for (size_t i = 0; i < size; i++) {
        is_ascii = is_ascii && (unsigned char)etag[i] < 0x80;
    }
    return is_ascii && size > 0;
}

const char *if_match_find(const struct if_match *if_match, const struct failure *mismatch)
{
    const char *present = NULL;
    for (size_t i = 0; i < mismatch->metadata_count; i++) {
        if (strcmp(mismatch->metadata[i].key, "etag") == 0) {
            present = mismatch->metadata[i].value;
        }
    }
    for (size_t i = 0; present != NULL && i < if_match->count; i++) {
        if (strcmp(if_match->etags[i], present) == 0) {
            return if_match->etags[i];
        }
    }
    return NULL;
}
