/* Text: a terminal's columns. The ranges are those of Unicode 15 that names and prose run into,
 * joined where only unassigned characters lie between; not a complete wcwidth(3), but one that does
 * not depend on the locale. */
#include "client/cli/text.h"

#include <string.h>

#include "base/utf8.h"

#define CHARACTER_BYTES_MAX 4

struct range {
    uint32_t first, last;
};

static const struct range ZERO_WIDTH[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489},   {0x0591, 0x05BD},   {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x0900, 0x0902}, {0x093C, 0x093C},   {0x0941, 0x0948},   {0x094D, 0x094D}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},   {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x202A, 0x202E}, {0x2060, 0x2064},   {0x20D0, 0x20FF},   {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
    {0xFEFF, 0xFEFF}, {0x1F3FB, 0x1F3FF}, {0xE0100, 0xE01EF},
};
static const struct range DOUBLE_WIDTH[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26A1, 0x26A1},
    {0x26BD, 0x26BE},   {0x26C4, 0x26C5},   {0x26F2, 0x26F5},   {0x2705, 0x2705},
    {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},   {0x2753, 0x2757},
    {0x2795, 0x2797},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2B55, 0x2B55},
    {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},
    {0xA000, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF},
    {0x1B000, 0x1B2FF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F265},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FC}, {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F9FF},
    {0x1FA70, 0x1FAFF}, {0x20000, 0x3FFFD},
};

static size_t next(const char *text, uint32_t *character_out);
static bool is_in(const struct range *ranges, size_t count, uint32_t character);

#define IS_IN(ranges, character) is_in(ranges, sizeof(ranges) / sizeof((ranges)[0]), character)

size_t text_width(const char *text)
{
    size_t width = 0;
    while (*text != '\0') {
        uint32_t character;
        text += next(text, &character);
        if (!IS_IN(ZERO_WIDTH, character)) {
            width += IS_IN(DOUBLE_WIDTH, character) ? 2 : 1;
        }
    }
    return width;
}

/* Bytes of the character at text[0], which is not the end, and the character; 1 and U+FFFD where it
 * is not UTF-8. */
static size_t next(const char *text, uint32_t *character_out)
{
    size_t size = utf8_character_bytes(bytes_of(text, strnlen(text, CHARACTER_BYTES_MAX)));
    if (size == 0) {
        *character_out = 0xFFFD;
        return 1;
    }
    unsigned char first = (unsigned char)text[0];
    uint32_t character = size == 1 ? first : first & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        character = character << 6 | ((unsigned char)text[i] & 0x3F);
    }
    *character_out = character;
    return size;
}

void text_disarm(char *text)
{
    while (*text != '\0') {
        uint32_t character;
        size_t size = next(text, &character);
        bool broken = character == 0xFFFD && size == 1;
        if (character < 0x20 || (character >= 0x7F && character < 0xA0) || broken) {
            for (size_t i = 0; i < size; i++) {
                text[i] = '?';
            }
        }
        text += size;
    }
}

/* Few enough and asked rarely enough for a walk. */
static bool is_in(const struct range *ranges, size_t count, uint32_t character)
{
    if (character < ranges[0].first) {
        return false;
    }
    for (size_t i = 0; i < count && ranges[i].first <= character; i++) {
        if (character <= ranges[i].last) {
            return true;
        }
    }
    return false;
}
