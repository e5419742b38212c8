/* See envelope_plain.h. Every tag and every size is one byte. */
#include "rpc/envelope_plain.h"

#include <string.h>

#define ONE_BYTE_MAX     127
#define NUMBER_SHIFT_MAX 21 /* four bytes of seven bits */

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_LENGTH = 2,
};

static bool read_text(struct bytes *rest, struct bytes *text_out);
static bool read_number(struct bytes *rest, uint32_t *number_out);

bool plain_read(struct bytes header, unsigned texts, unsigned numbers,
                struct plain_header *plain_out)
{
    memset(plain_out, 0, sizeof *plain_out);
    struct bytes rest = header;
    while (rest.size > 0) {
        unsigned field = rest.data[0] >> 3, type = rest.data[0] & 7U;
        unsigned bit = field < PLAIN_FIELDS ? 1U << field : 0;
        rest = bytes_of(rest.data + 1, rest.size - 1);
        bool is_read = false;
        if ((bit & texts) != 0 && type == WIRE_LENGTH) {
            is_read = read_text(&rest, &plain_out->texts[field]);
        } else if ((bit & numbers) != 0 && type == WIRE_VARINT) {
            is_read = read_number(&rest, &plain_out->numbers[field]);
        }
        if (!is_read) {
            return false;
        }
        texts &= ~bit;
        numbers &= ~bit;
    }
    return true;
}

static bool read_text(struct bytes *rest, struct bytes *text_out)
{
    if (rest->size == 0 || rest->data[0] > ONE_BYTE_MAX || rest->data[0] > rest->size - 1) {
        return false;
    }
    struct bytes text = bytes_of(rest->data + 1, rest->data[0]);
    *rest = bytes_of(text.data + text.size, rest->size - 1 - text.size);
    *text_out = text;
    return true;
}

static bool read_number(struct bytes *rest, uint32_t *number_out)
{
    uint32_t number = 0;
    size_t used = 0;
    for (unsigned shift = 0; shift <= NUMBER_SHIFT_MAX && used < rest->size; shift += 7) {
        uint8_t byte = rest->data[used++];
        number |= (uint32_t)(byte & ONE_BYTE_MAX) << shift;
        if (byte <= ONE_BYTE_MAX) {
            *number_out = number;
            *rest = bytes_of(rest->data + used, rest->size - used);
            return true;
        }
    }
    return false;
}

bool plain_is_text(size_t size)
{
    return size <= ONE_BYTE_MAX;
}

uint8_t *plain_put_text(uint8_t *to, unsigned field, const char *text, size_t size)
{
    if (size == 0) {
        return to;
    }
    *to++ = (uint8_t)(field << 3 | WIRE_LENGTH);
    *to++ = (uint8_t)size;
    memcpy(to, text, size);
    return to + size;
}

uint8_t *plain_put_number(uint8_t *to, unsigned field, uint32_t number)
{
    if (number == 0) {
        return to;
    }
    *to++ = (uint8_t)(field << 3 | WIRE_VARINT);
    for (; number > ONE_BYTE_MAX; number >>= 7) {
        *to++ = (uint8_t)(number | (ONE_BYTE_MAX + 1));
    }
    *to++ = (uint8_t)number;
    return to;
}
