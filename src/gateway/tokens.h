/* Tokens: JWTs of one issuer (access/jwt.h), over a JWKS file that is read again when it changes
 * (watched_file.h). Threads: any. */
#pragma once

#include "access/jwt.h"
#include "base/clock.h"
#include "gateway/watched_file.h"

struct tokens;

/* Texts are borrowed. */
enum status tokens_open(const char *jwks_file, const struct jwt_rules *rules,
                        const struct clock *clock, struct tokens **tokens_out,
                        struct failure *failure);
/* NULL-safe; nulls the caller's pointer. */
void tokens_close(struct tokens **tokens);
/* UNAUTHENTICATED: TOKEN_INVALID, TOKEN_EXPIRED. */
enum status tokens_check(struct tokens *tokens, const char *text, struct arena *arena,
                         struct jwt_claims *claims_out, struct failure *failure);
/* How its file is, looked at now. */
struct watched_file tokens_file(struct tokens *tokens);
