/* Model judge: the bounds between which an answer about shared stock must lie (model.h). */
#pragma once

#include "tests/model/model_run.h"

/* A question that may take units. */
struct model_question {
    int64_t wanted[MODEL_PRODUCTS]; /* 0: not this product */
    long long taken_before[MODEL_PRODUCTS];
    int64_t asked_us;
    int customer;                     /* -1: nobody's limits matter */
    const struct model_order *except; /* whose own units do not count against the limit; or NULL */
};

/* wanted and customer are set; before the question is sent. */
void model_question_open(struct model_caller *caller, struct model_question *question);
/* After the answer; exactly one of them. */
void model_question_accepted(struct model_caller *caller, struct model_question *question);
void model_question_refused(struct model_caller *caller, struct model_question *question,
                            const struct model_answer *answer);
/* It turned out not to take any. */
void model_question_withdraw(struct model_caller *caller, struct model_question *question);

/* Adds units, times sign, of each line to may_come_back. */
void model_come_back(struct model_caller *caller, const struct model_order *order,
                     const int32_t units[MODEL_LINES_MAX], int sign);
