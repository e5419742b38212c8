/* Money: minor units <-> what people write, by the currency's digits (ISO 4217). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MONEY_TEXT_BYTES 40 /* 64 bits, a sign, a point, zeros in front, a currency */

/* How many digits stand behind the point: USD 2, JPY 0, KWD 3; 2 for what is not known. */
unsigned money_digits(const char *currency);
/* "18.00 USD" */
void money_print(int64_t minor, const char *currency, char out[MONEY_TEXT_BYTES]);
/* "18", "18.5", "18.00" -> 1800; false for more digits than the currency has, signs, overflow. */
bool money_parse(const char *text, const char *currency, int64_t *minor_out);
