/* Model steps: the random commands of a caller; one of them is a call (or two) and its judgement.
 */
#pragma once

#include "tests/model/model_run.h"

int64_t model_between(struct model_caller *caller, int64_t from, int64_t to);
bool model_chance(struct model_caller *caller, int percent);
/* A new one, and asked_us. */
void model_name_request(struct model_caller *caller, struct model_request *request);
/* From now on it may be asked again. */
void model_remember(struct model_caller *caller, const struct model_request *request,
                    const struct model_answer *answer);
/* The order is PENDING and its hold may have ended by now. */
bool model_may_have_ended(const struct model_order *order, int64_t now_us);

void model_step_create(struct model_caller *caller); /* model_step_create.c */
void model_step_batch(struct model_caller *caller);  /* likewise */
void model_step_change(struct model_caller *caller); /* model_step_change.c */
void model_step_adjust(struct model_caller *caller); /* model_caller.c, as the rest */
void model_step_repeat(struct model_caller *caller);
