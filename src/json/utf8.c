/* See utf8.h. */
#include "json/utf8.h"

size_t utf8_character_bytes(struct bytes rest)
{
    uint8_t first = rest.data[0];
    size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first > 0xF4 || size > rest.size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((rest.data[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong =
        (first == 0xE0 && rest.data[1] < 0xA0) || (first == 0xF0 && rest.data[1] < 0x90);
    bool is_outside =
        (first == 0xED && rest.data[1] > 0x9F) || (first == 0xF4 && rest.data[1] > 0x8F);
    return is_overlong || is_outside ? 0 : size;
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
