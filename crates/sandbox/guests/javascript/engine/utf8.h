// Decoding of UTF-8 that may be wrong.
#ifndef MF_UTF8_H
#define MF_UTF8_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *ptr; // valid UTF-8
    size_t len;
    uint32_t left; // bytes at the end that may go on
    bool wrong;    // something was replaced
    char *owned;   // to be freed, or NULL
} mf_text;

mf_text mf_utf8(const uint8_t *bytes, size_t len, bool more);

#endif
