/* TLS for a dialer of nng. Used by link_nng.c. */
#pragma once

#include <nng/nng.h>
#include <stdbool.h>

#include "base/status.h"
#include "rpc/tls.h"

/* Before the dialer starts. `tls` may be NULL, which is refused. Fails with TLS_INVALID. */
enum status tls_set(nng_dialer dialer, const char *endpoint, const struct rpc_tls *tls,
                    struct failure *failure);
/* Whether a handshake of this dialer failed, whichever side did not like the other. */
bool tls_has_failed(nng_dialer dialer);
