/* Sample types: the messages of tests/unit/json/proto, which have what the contracts have not. For
 * the fuzzer of src/json and its bridge to other languages. */
#pragma once

#include <json/test/samples.pb-c.h>

#include "tests/support/contract_types.h"

static inline void sample_types_add(struct contract_types *types)
{
    contract_types_add(types, &json__test__scalars__descriptor);
    contract_types_add(types, &json__test__lists__descriptor);
    contract_types_add(types, &json__test__choice__descriptor);
    contract_types_add(types, &json__test__maps__descriptor);
    contract_types_add(types, &json__test__known__descriptor);
    contract_types_add(types, &json__test__endless__descriptor);
    contract_types_add(types, &json__test__names__descriptor);
}
