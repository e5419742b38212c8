/* See utf8.h. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_plain_word(uint64_t word);

bool utf8_is_text(struct bytes text)
{
    const uint8_t *at = text.data;
    size_t left = text.size;
    while (left > 0) {
        uint64_t word;
        if (left >= sizeof word) {
            memcpy(&word, at, sizeof word);
            if (is_plain_word(word)) {
                at += sizeof word;
                left -= sizeof word;
                continue;
            }
        }
        size_t size = utf8_character_bytes(bytes_of(at, left));
        if (size == 0) {
            return false;
        }
        at += size;
        left -= size;
    }
    return true;
}

/* Eight bytes of ASCII, none of them NUL. */
static bool is_plain_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    return ((word | (word - ones)) & highs) == 0;
}

size_t utf8_character_bytes(struct bytes rest)
{
    const uint8_t *at = rest.data;
    uint8_t first = at[0];
    if (first < 0x80) {
        return first != 0;
    }
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || rest.size < size) {
        return 0;
    }
    /* The second byte's range rules out long forms, surrogates and what is above U+10FFFF. */
    uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < least || at[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return size;
}

void utf8_copy(char *out, size_t room, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    size_t used = 0;
    while (left > 0) {
        size_t size = utf8_character_bytes(bytes_of(at, left));
        size_t taken = size > 0 ? size : 1;
        if (used + taken >= room) {
            break;
        }
        if (size > 0) {
            memcpy(out + used, at, size);
        } else {
            out[used] = '?';
        }
        used += taken;
        at += taken;
        left -= taken;
    }
    out[used] = '\0';
}
