#include "data/strings.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/number.h"

/* ---- strings ---- */

static size_t bytes_used(const mele_i_strings *strings)
{
    return strings->count == 0 ? 0 : strings->start[strings->count];
}

/* Make room for so many more strings and bytes. */
static bool make_room(mele_i_strings *strings, size_t more, size_t more_bytes)
{
    size_t bytes = bytes_used(strings);

    if (strings->room - strings->count < more || strings->start == NULL) {
        size_t room = strings->count + more + strings->count / 2 + 8;
        size_t *start = mele_i_grow(strings->start, room + 1, sizeof *start);
        if (start == NULL)
            return false;
        start[strings->count] = bytes;
        strings->start = start;
        strings->room = room;
    }
    if (strings->bytes_room - bytes < more_bytes) {
        size_t room = bytes + more_bytes + bytes / 2 + 64;
        char *memory = mele_i_grow(strings->bytes, room, 1);
        if (memory == NULL)
            return false;
        strings->bytes = memory;
        strings->bytes_room = room;
    }
    return true;
}

bool mele_i_strings_add(mele_i_strings *strings, const char *text, size_t length)
{
    if (!make_room(strings, 1, length + 1))
        return false;
    size_t at = strings->start[strings->count];
    if (length > 0)
        memcpy(strings->bytes + at, text, length);
    strings->bytes[at + length] = '\0';
    strings->start[++strings->count] = at + length + 1;
    return true;
}

bool mele_i_strings_add_all(mele_i_strings *strings, const mele_i_strings *other, size_t first,
                            size_t count)
{
    if (count == 0)
        return true;
    size_t from = other->start[first], bytes = other->start[first + count] - from;
    if (!make_room(strings, count, bytes))
        return false;
    size_t *start = strings->start + strings->count, at = start[0];
    memcpy(strings->bytes + at, other->bytes + from, bytes);
    for (size_t i = 1; i <= count; i++)
        start[i] = other->start[first + i] - from + at;
    strings->count += count;
    return true;
}

const char *mele_i_strings_at(const mele_i_strings *strings, size_t i, size_t *length)
{
    if (length != NULL)
        *length = strings->start[i + 1] - strings->start[i] - 1;
    return strings->bytes + strings->start[i];
}

void mele_i_strings_clear(mele_i_strings *strings)
{
    strings->count = 0;
    if (strings->start != NULL)
        strings->start[0] = 0;
}

void mele_i_strings_free(mele_i_strings *strings)
{
    free(strings->start);
    free(strings->bytes);
    *strings = (mele_i_strings){0};
}

/* ---- levels ---- */

/* FNV-1a, its upper half folded in because slots are taken from the lower bits. */
static size_t hash_of(const void *bytes, size_t length)
{
    uint64_t hash = 0xCBF29CE484222325u;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3u;
    return (size_t)(hash ^ hash >> 32);
}

/* Of a level: spellings of one number have one hash. */
static size_t hash_of_level(const mele_i_levels *levels, const char *text, size_t length)
{
    mele_i_number_key key;

    if (levels->exact || !mele_i_number_key_of(text, length, &key))
        return hash_of(text, length);
    const uint64_t number[] = {key.digits, (uint64_t)key.exponent, key.negative};
    return hash_of(number, sizeof number);
}

static bool same_bytes(const char *a, size_t length_a, const char *b, size_t length_b)
{
    return length_a == length_b && memcmp(a, b, length_a) == 0;
}

bool mele_i_same_level(const char *a, size_t length_a, const char *b, size_t length_b)
{
    mele_i_number_key x, y;

    return same_bytes(a, length_a, b, length_b)
           || (mele_i_number_key_of(a, length_a, &x) && mele_i_number_key_of(b, length_b, &y)
               && x.digits == y.digits && x.exponent == y.exponent && x.negative == y.negative);
}

/* The slot that holds the text, or the empty one where it belongs. */
static size_t *find_slot(const mele_i_levels *levels, const char *text, size_t length)
{
    size_t mask = levels->slots - 1;

    for (size_t at = hash_of_level(levels, text, length) & mask;; at = (at + 1) & mask) {
        size_t *slot = &levels->slot[at], known;
        if (*slot == 0)
            return slot;
        const char *name = mele_i_strings_at(&levels->names, *slot - 1, &known);
        if (levels->exact ? same_bytes(name, known, text, length)
                          : mele_i_same_level(name, known, text, length))
            return slot;
    }
}

static bool grow_slots(mele_i_levels *levels)
{
    mele_i_levels larger = *levels;

    larger.slots = levels->slots == 0 ? 16 : 2 * levels->slots;
    larger.slot = MELE_I_ZEROED(size_t, larger.slots);
    if (larger.slot == NULL)
        return false;
    for (size_t i = 0; i < larger.names.count; i++) {
        size_t length;
        const char *name = mele_i_strings_at(&larger.names, i, &length);
        *find_slot(&larger, name, length) = i + 1;
    }
    free(levels->slot);
    *levels = larger;
    return true;
}

bool mele_i_levels_index(mele_i_levels *levels, const char *text, size_t length, size_t *index)
{
    if (2 * (levels->names.count + 1) > levels->slots && !grow_slots(levels))
        return false;
    size_t *slot = find_slot(levels, text, length);
    if (*slot == 0) {
        if (!mele_i_strings_add(&levels->names, text, length))
            return false;
        *slot = levels->names.count;
    }
    *index = *slot - 1;
    return true;
}

static int compare_names(const void *a, const void *b, void *context)
{
    const mele_i_strings *names = context;
    size_t length_a, length_b;
    const char *text_a = mele_i_strings_at(names, *(const size_t *)a, &length_a);
    const char *text_b = mele_i_strings_at(names, *(const size_t *)b, &length_b);
    int order = memcmp(text_a, text_b, length_a < length_b ? length_a : length_b);

    return order != 0 ? order : (length_a > length_b) - (length_a < length_b);
}

bool mele_i_levels_sort(mele_i_levels *levels, size_t *number)
{
    size_t count = levels->names.count;
    size_t *order = MELE_I_ARRAY(size_t, count);
    mele_i_levels sorted = {.exact = levels->exact};
    bool done = order != NULL;

    for (size_t i = 0; i < count && done; i++)
        order[i] = i;
    if (done)
        qsort_r(order, count, sizeof *order, compare_names, &levels->names);
    for (size_t i = 0; i < count && done; i++) {
        size_t length, index;
        const char *name = mele_i_strings_at(&levels->names, order[i], &length);
        done = mele_i_levels_index(&sorted, name, length, &index);
    }
    if (done) {
        for (size_t i = 0; i < count; i++)
            number[order[i]] = i;
        mele_i_levels_free(levels);
        *levels = sorted;
    } else {
        mele_i_levels_free(&sorted);
    }
    free(order);
    return done;
}

void mele_i_levels_clear(mele_i_levels *levels)
{
    mele_i_strings_clear(&levels->names);
    if (levels->slot != NULL)
        memset(levels->slot, 0, levels->slots * sizeof *levels->slot);
}

void mele_i_levels_free(mele_i_levels *levels)
{
    mele_i_strings_free(&levels->names);
    free(levels->slot);
    *levels = (mele_i_levels){.exact = levels->exact};
}
