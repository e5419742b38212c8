/* See broker_confirms.h. */
#include "broker/broker_confirms.h"

#include <assert.h>

static void answer(struct broker_confirms *confirms, uint64_t number, bool up_to, bool acked);
static void answer_one(struct broker_confirms *confirms, uint64_t number, bool acked);

void broker_confirms_reset(struct broker_confirms *confirms)
{
    *confirms = (struct broker_confirms){.next = 1, .oldest = 1};
}

void broker_confirms_begin(struct broker_confirms *confirms)
{
    confirms->refused = 0;
    confirms->returned = 0;
}

void broker_confirms_end(struct broker_confirms *confirms)
{
    for (uint64_t number = confirms->oldest; number < confirms->next; number++) {
        confirms->slots[number % BROKER_CONFIRMS_WINDOW].message = NULL;
    }
}

bool broker_confirms_has_room(const struct broker_confirms *confirms)
{
    return confirms->next - confirms->oldest < BROKER_CONFIRMS_WINDOW;
}

void broker_confirms_add(struct broker_confirms *confirms, struct broker_message *message)
{
    assert(broker_confirms_has_room(confirms));
    size_t slot = confirms->next % BROKER_CONFIRMS_WINDOW;
    confirms->slots[slot].message = message;
    confirms->slots[slot].waiting = true;
    confirms->slots[slot].returned = false;
    confirms->next++;
    confirms->waiting++;
}

void broker_confirms_ack(struct broker_confirms *confirms, uint64_t number, bool up_to)
{
    answer(confirms, number, up_to, true);
}

void broker_confirms_nack(struct broker_confirms *confirms, uint64_t number, bool up_to)
{
    answer(confirms, number, up_to, false);
}

void broker_confirms_return(struct broker_confirms *confirms, const struct uuid *message_id)
{
    for (uint64_t number = confirms->oldest; number < confirms->next; number++) {
        size_t slot = number % BROKER_CONFIRMS_WINDOW;
        struct broker_message *message = confirms->slots[slot].message;
        if (confirms->slots[slot].waiting && message != NULL &&
            memcmp(message->message_id.bytes, message_id->bytes, sizeof message_id->bytes) == 0) {
            confirms->slots[slot].returned = true;
            confirms->returned++;
            return;
        }
    }
}

static void answer(struct broker_confirms *confirms, uint64_t number, bool up_to, bool acked)
{
    uint64_t last = up_to && number == 0 ? confirms->next - 1 : number;
    if (last >= confirms->next || last < confirms->oldest) {
        return;
    }
    for (uint64_t at = up_to ? confirms->oldest : last; at <= last; at++) {
        answer_one(confirms, at, acked);
    }
    while (confirms->oldest < confirms->next &&
           !confirms->slots[confirms->oldest % BROKER_CONFIRMS_WINDOW].waiting) {
        confirms->oldest++;
    }
}

static void answer_one(struct broker_confirms *confirms, uint64_t number, bool acked)
{
    size_t slot = number % BROKER_CONFIRMS_WINDOW;
    if (!confirms->slots[slot].waiting) {
        return;
    }
    confirms->slots[slot].waiting = false;
    confirms->waiting--;
    struct broker_message *message = confirms->slots[slot].message;
    if (message == NULL) {
        return;
    }
    confirms->refused += !acked;
    message->confirmed = acked && !confirms->slots[slot].returned;
}
