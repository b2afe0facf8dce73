// The life of an instance: a context that the snapshot holds, and `run`.
#include "engine.h"
#include "system.h"
#include <stdlib.h>
#include <string.h>

// QuickJS counts its C frames in linear memory only; 256 KiB of them end as a RangeError before the other limits.
#define STACK (256 * 1024)
#define UNHANDLED 64

JSRuntime *mf_rt;
JSContext *mf_ctx;

MF_EXPORT("cabi_realloc") void *cabi_realloc(void *ptr, size_t old, size_t align, size_t len) {
    (void)old;
    if (len == 0) return (void *)align;
    char *new = realloc(ptr, len + 1); // one more, for the NUL that the parser wants behind a text
    if (!new) __builtin_trap();
    new[len] = 0;
    return new;
}

// ---- rejections that nobody handles, until the microtasks have run dry
static struct { JSValue promise, reason; } unhandled[UNHANDLED];
static uint32_t unhandled_len;

static void on_rejection(JSContext *ctx, JSValueConst promise, JSValueConst reason, bool handled, void *opaque) {
    (void)opaque;
    if (!handled) {
        if (unhandled_len == UNHANDLED) return; // more than enough to fail
        unhandled[unhandled_len].promise = JS_DupValue(ctx, promise);
        unhandled[unhandled_len++].reason = JS_DupValue(ctx, reason);
        return;
    }
    for (uint32_t i = 0; i < unhandled_len; i++) {
        if (JS_VALUE_GET_PTR(unhandled[i].promise) != JS_VALUE_GET_PTR(promise)) continue;
        JS_FreeValue(ctx, unhandled[i].promise);
        JS_FreeValue(ctx, unhandled[i].reason);
        unhandled[i] = unhandled[--unhandled_len];
        return;
    }
}

// ---- failing with a JavaScript value
static void fail_with(JSValueConst error) {
    JSValue result = JS_Call(mf_ctx, mf_failed, JS_UNDEFINED, 1, &error);
    if (JS_IsException(result)) JS_FreeValue(mf_ctx, JS_GetException(mf_ctx));
    JS_FreeValue(mf_ctx, result);
    // when even that did not work
    if (mf_out_of_memory) mf_fail("engine", "out of memory");
    else mf_fail("exception", "an error that cannot be shown was thrown");
}
static void fail_with_exception(void) {
    JSValue error = JS_GetException(mf_ctx);
    fail_with(error);
    JS_FreeValue(mf_ctx, error);
}
static void call(JSValueConst function, int argc, JSValue *argv) {
    JSValue result = JS_Call(mf_ctx, function, JS_UNDEFINED, argc, (JSValueConst *)argv);
    if (JS_IsException(result)) fail_with_exception();
    JS_FreeValue(mf_ctx, result);
    for (int i = 0; i < argc; i++) JS_FreeValue(mf_ctx, argv[i]);
}
// Microtasks run dry between two completions, so that how completions are batched can never matter.
static void drain(void) {
    JSContext *ctx;
    while (!mf_settled) {
        int more = JS_ExecutePendingJob(mf_rt, &ctx);
        if (more < 0) fail_with_exception();
        if (more == 0) break;
    }
    if (unhandled_len > 0) fail_with(unhandled[0].reason);
}

MF_EXPORT("wizer-initialize") void wizer_initialize(void) {
    static const uint8_t seed[32];
    if (mf_ctx) return;
    mf_system_start(seed, 0);
    mf_rt = mf_new_runtime();
    JS_SetMaxStackSize(mf_rt, STACK);
    mf_ctx = JS_NewContext(mf_rt);
    mf_modules_init();
    JSValue loaded = JS_LoadModule(mf_ctx, "", "moltforge:main.js");
    JSContext *ctx;
    while (JS_ExecutePendingJob(mf_rt, &ctx) > 0) {}
    if (JS_PromiseState(mf_ctx, loaded) != JS_PROMISE_FULFILLED) {
        JSValue reason = JS_PromiseResult(mf_ctx, loaded);
        JSValue stack = JS_GetPropertyStr(mf_ctx, reason, "stack");
        const char *text = JS_ToCString(mf_ctx, reason), *where = JS_ToCString(mf_ctx, stack);
        mf_log(3, text, strlen(text));
        mf_log(3, where, strlen(where));
        __builtin_trap();
    }
    JS_FreeValue(mf_ctx, loaded);
    JS_SetHostPromiseRejectionTracker(mf_rt, on_rejection, NULL);
    JS_RunGC(mf_rt);
}

MF_EXPORT("run")
mf_result *run(mf_file *files, uint32_t count, char *entry, size_t entry_len, char *input, size_t input_len,
               uint8_t *seed, size_t seed_len, uint64_t now) {
    uint64_t math_seed;
    wizer_initialize();
    if (seed_len != 32) {
        mf_fail("engine", "the seed has 32 bytes");
        return &mf_outcome;
    }
    mf_system_start(seed, now);
    JS_UpdateStackTop(mf_rt);
    mf_random((uint8_t *)&math_seed, sizeof math_seed);
    mf_reseed(mf_ctx, math_seed);
    mf_modules_files(files, count);
    call(mf_boot, 2, (JSValue[]){ JS_NewStringLen(mf_ctx, entry, entry_len), JS_NewStringLen(mf_ctx, input, input_len) });
    drain();
    while (!mf_settled) {
        if (mf_pending == 0) {
            mf_fail("deadlock", "run waits for a promise that nothing will settle: no call and no timer is pending");
            break;
        }
        mf_completion next;
        mf_next(&next);
        mf_pending--;
        mf_system_now(next.at);
        JSValue value = JS_NewStringLen(mf_ctx, next.value.ptr, next.value.len);
        if (next.value.len) free(next.value.ptr);
        call(mf_dispatch, 3, (JSValue[]){ JS_NewUint32(mf_ctx, next.id), JS_NewBool(mf_ctx, !next.is_error), value });
        drain();
    }
    return &mf_outcome;
}
