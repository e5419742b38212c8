/* Envelope, plain: a header's texts and numbers, read and written without protobuf-c. Used by
 * envelope.c for headers that have nothing else, as nearly all are; by way of message.c and
 * protobuf-c they are an eighth of what a small call costs (docs/decisions/0019).
 * Always: what is read here, message.c reads alike; what is written, protobuf-c writes alike. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* Field numbers below this. */
#define PLAIN_FIELDS 7
/* A field's most, without the bytes of a text: a tag, and a size or a number. */
#define PLAIN_FIELD_BYTES_MAX 6

/* By field numbers; views into what was read. What is in a text is for its reader to check. */
struct plain_header {
    struct bytes texts[PLAIN_FIELDS];
    uint32_t numbers[PLAIN_FIELDS];
};

/* Fields that may be there, a bit each. False when it is not plain, and perhaps nothing at all:
 * other fields, one of them twice, a text of 128 bytes or more, a number from 2^28 on, bytes
 * missing. */
bool plain_read(struct bytes header, unsigned texts, unsigned numbers,
                struct plain_header *plain_out);

/* Whether a text of that size can be written by plain_put_text. */
bool plain_is_text(size_t size);
/* Return where the next field goes. What is empty or 0 is left out. */
uint8_t *plain_put_text(uint8_t *to, unsigned field, const char *text, size_t size);
uint8_t *plain_put_number(uint8_t *to, unsigned field, uint32_t number);
