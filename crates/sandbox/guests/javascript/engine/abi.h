// The canonical ABI of the world `moltforge:engine`, by hand: it is small and never grows.
#ifndef MF_ABI_H
#define MF_ABI_H
#include <stddef.h>
#include <stdint.h>

#define MF_IMPORT(n) __attribute__((import_module("$root"), import_name(n)))
#define MF_EXPORT(n) __attribute__((export_name(n)))

typedef struct { char *ptr; uint32_t len; } mf_string;
typedef struct { mf_string name, text; } mf_file;
typedef struct {
    uint32_t id;
    uint64_t at;
    uint8_t is_error; // a result's discriminant has one byte
    mf_string value;
} mf_completion;
typedef struct {
    uint8_t is_error;
    mf_string a, b, c; // the value; or kind, message, stack
} mf_result;
_Static_assert(sizeof(mf_completion) == 32, "layout of completion");
_Static_assert(offsetof(mf_completion, at) == 8, "layout of completion");
_Static_assert(offsetof(mf_completion, is_error) == 16, "layout of completion");
_Static_assert(offsetof(mf_completion, value) == 20, "layout of completion");
_Static_assert(offsetof(mf_result, a) == 4, "layout of result");

MF_IMPORT("submit") void mf_submit(uint32_t id, const char *name, size_t name_len, const char *args, size_t args_len);
MF_IMPORT("cancel") void mf_cancel(uint32_t id);
MF_IMPORT("next") void mf_next(mf_completion *out);
MF_IMPORT("log") void mf_log(uint32_t level, const char *message, size_t len);

#endif
