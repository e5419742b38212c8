/* See base64.h. */
#include "json/base64.h"

static int digit_value(uint8_t character);

size_t base64_encode(struct bytes bytes, enum base64_style style, char *out)
{
    static const char STANDARD[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *digits = style == BASE64_URL ? URL : STANDARD;
    size_t size = 0;
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)bytes.data[i] << 16;
        three |= left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0;
        three |= left > 2 ? bytes.data[i + 2] : 0;
        out[size++] = digits[three >> 18];
        out[size++] = digits[three >> 12 & 63];
        if (left > 1) {
            out[size++] = digits[three >> 6 & 63];
        }
        if (left > 2) {
            out[size++] = digits[three & 63];
        }
    }
    while (style == BASE64_STANDARD && size % 4 != 0) {
        out[size++] = '=';
    }
    return size;
}

bool base64_decode(struct bytes text, struct arena *arena, struct bytes *bytes_out)
{
    size_t digits = text.size;
    while (digits > 0 && text.size - digits < 2 && text.data[digits - 1] == '=') {
        digits--;
    }
    if (digits % 4 == 1 || (digits < text.size && text.size % 4 != 0)) {
        return false;
    }
    uint8_t *out = arena_alloc(arena, digits / 4 * 3 + 3);
    if (out == NULL) {
        return false;
    }
    size_t size = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < digits; i++) {
        int value = digit_value(text.data[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0) {
            out[size++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
        }
    }
    *bytes_out = bytes_of(out, size);
    return true;
}

static int digit_value(uint8_t character)
{
    if (character >= 'A' && character <= 'Z') {
        return character - 'A';
    }
    if (character >= 'a' && character <= 'z') {
        return character - 'a' + 26;
    }
    if (character >= '0' && character <= '9') {
        return character - '0' + 52;
    }
    if (character == '+' || character == '-') {
        return 62;
    }
    return character == '/' || character == '_' ? 63 : -1;
}
