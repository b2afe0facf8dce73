#include "utf8.h"
#include <stdlib.h>
#include <string.h>

enum { VALID, WRONG, CUT_OFF };

// How the sequence at the start of `bytes` is, and how many bytes of it belong together.
static int sequence(const uint8_t *bytes, size_t len, size_t *used) {
    uint8_t lower = 0x80, upper = 0xbf, first = bytes[0];
    size_t need = first < 0x80 ? 0 : first >= 0xc2 && first <= 0xdf ? 1 : (first & 0xf0) == 0xe0 ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 9;
    *used = 1;
    if (need == 9) return WRONG;
    if (first == 0xe0) lower = 0xa0;
    if (first == 0xed) upper = 0x9f;
    if (first == 0xf0) lower = 0x90;
    if (first == 0xf4) upper = 0x8f;
    for (; need > 0; need--, ++*used) {
        if (*used == len) return CUT_OFF;
        if (bytes[*used] < lower || bytes[*used] > upper) return WRONG;
        lower = 0x80;
        upper = 0xbf;
    }
    return VALID;
}

mf_text mf_utf8(const uint8_t *bytes, size_t len, bool more) {
    mf_text text = { .ptr = (const char *)bytes };
    size_t at = 0, used;
    // most text is right and needs no copy
    for (; at < len && sequence(bytes + at, len - at, &used) == VALID; at += used) {}
    text.len = at;
    if (at == len) return text;
    char *out = malloc(at + 3 * (len - at));
    if (!out) __builtin_trap();
    text.ptr = text.owned = memcpy(out, bytes, at);
    for (; at < len; at += used) {
        int kind = sequence(bytes + at, len - at, &used);
        if (kind == CUT_OFF && more) {
            text.left = len - at;
            break;
        }
        text.wrong |= kind != VALID;
        memcpy(out + text.len, kind == VALID ? (const char *)bytes + at : "\xef\xbf\xbd", kind == VALID ? used : 3);
        text.len += kind == VALID ? used : 3;
    }
    return text;
}
