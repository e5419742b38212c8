/* See utf8.h. */
#include "json/utf8.h"

/* What the first byte says (RFC 3629, section 4): how many bytes, and the range of the second,
 * which is narrower after some, so that there is one form of each character only. */
struct lead {
    uint8_t least, most;
    uint8_t size;
    uint8_t second_least, second_most;
};

static const struct lead LEADS[] = {
    {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
    {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
    {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F},
};

static bool has_tail(struct bytes rest, const struct lead *lead);

size_t utf8_character_bytes(struct bytes rest)
{
    for (size_t i = 0; i < sizeof LEADS / sizeof *LEADS; i++) {
        const struct lead *lead = &LEADS[i];
        if (rest.data[0] >= lead->least && rest.data[0] <= lead->most) {
            return has_tail(rest, lead) ? lead->size : 0;
        }
    }
    return 0;
}

static bool has_tail(struct bytes rest, const struct lead *lead)
{
    if (rest.size < lead->size) {
        return false;
    }
    for (size_t i = 1; i < lead->size; i++) {
        uint8_t least = i == 1 ? lead->second_least : 0x80;
        uint8_t most = i == 1 ? lead->second_most : 0xBF;
        if (rest.data[i] < least || rest.data[i] > most) {
            return false;
        }
    }
    return true;
}

bool utf8_is_valid(struct bytes text)
{
    while (text.size > 0) {
        size_t size = utf8_character_bytes(text);
        if (size == 0) {
            return false;
        }
        text = bytes_of(text.data + size, text.size - size);
    }
    return true;
}
