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
