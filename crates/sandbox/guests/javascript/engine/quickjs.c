// QuickJS with its stack check on. Under `__wasi__` it switches the check off, and deep recursion would kill the instance
// instead of throwing a RangeError. So: every header of libc first, and from there on pretend to be another system.
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fenv.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#undef __wasi__
#define EMSCRIPTEN 1
#ifndef FE_DOWNWARD
#define FE_DOWNWARD 0
#define FE_UPWARD 0
#endif
#include QUICKJS_SOURCE

// The state of Math.random in the snapshot would be the same for every execution.
void mf_reseed(JSContext *ctx, uint64_t seed) { ctx->random_state = seed ? seed : 1; }

// A program may throw what the engine throws when memory is short (`null` too), so allocations that were refused are noted.
bool mf_out_of_memory;
static void *noted(void *ptr, size_t size) {
    if (!ptr && size) mf_out_of_memory = true;
    return ptr;
}
static void *noting_calloc(void *opaque, size_t count, size_t size) {
    return noted(js_def_calloc(opaque, count, size), count && size);
}
static void *noting_malloc(void *opaque, size_t size) { return noted(js_def_malloc(opaque, size), size); }
static void *noting_realloc(void *opaque, void *ptr, size_t size) {
    return noted(js_def_realloc(opaque, ptr, size), size);
}
JSRuntime *mf_new_runtime(void) {
    static const JSMallocFunctions functions = { noting_calloc, noting_malloc, js_def_free, noting_realloc,
                                                 js__malloc_usable_size };
    return JS_NewRuntime2(&functions, NULL);
}
