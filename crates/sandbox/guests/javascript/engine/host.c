// The module `moltforge:host`: everything that the prelude can ask of C and of the worker.
#include "engine.h"
#include "system.h"
#include "utf8.h"
#include <stdlib.h>
#include <string.h>

JSValue mf_boot, mf_dispatch, mf_failed;
uint32_t mf_pending;
bool mf_settled;
mf_result mf_outcome;
static uint32_t last_id;

#define METHOD(name) static JSValue name(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)

static mf_string copy(const char *text, size_t len) {
    mf_string s = { malloc(len + 1), len };
    if (!s.ptr) __builtin_trap();
    memcpy(s.ptr, text, len);
    return s;
}
static mf_string string(JSContext *ctx, JSValueConst value) {
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, value);
    if (!text) {
        JS_FreeValue(ctx, JS_GetException(ctx));
        return copy("", 0);
    }
    mf_string s = copy(text, len);
    JS_FreeCString(ctx, text);
    return s;
}

void mf_fail(const char *kind, const char *message) {
    if (mf_settled) return;
    mf_settled = true;
    mf_outcome = (mf_result){ 1, copy(kind, strlen(kind)), copy(message, strlen(message)), copy("", 0) };
}

METHOD(host_submit) {
    size_t name_len, args_len;
    const char *name = JS_ToCStringLen(ctx, &name_len, argv[0]);
    const char *args = name ? JS_ToCStringLen(ctx, &args_len, argv[1]) : NULL;
    JSValue id = JS_EXCEPTION;
    if (args) {
        mf_pending++;
        mf_submit(++last_id, name, name_len, args, args_len);
        id = JS_NewUint32(ctx, last_id);
    }
    JS_FreeCString(ctx, args);
    JS_FreeCString(ctx, name);
    return id;
}
// The prelude cancels what is pending, and only once.
METHOD(host_cancel) {
    uint32_t id;
    if (JS_ToUint32(ctx, &id, argv[0])) return JS_EXCEPTION;
    mf_pending--;
    mf_cancel(id);
    return JS_UNDEFINED;
}
METHOD(host_log) {
    uint32_t level;
    size_t len;
    if (JS_ToUint32(ctx, &level, argv[0])) return JS_EXCEPTION;
    const char *message = JS_ToCStringLen(ctx, &len, argv[1]);
    if (!message) return JS_EXCEPTION;
    mf_log(level, message, len);
    JS_FreeCString(ctx, message);
    return JS_UNDEFINED;
}
METHOD(host_succeed) {
    if (mf_settled) return JS_UNDEFINED;
    mf_settled = true;
    mf_outcome = (mf_result){ .a = string(ctx, argv[0]) };
    return JS_UNDEFINED;
}
METHOD(host_fail) {
    if (mf_settled) return JS_UNDEFINED;
    mf_settled = true;
    mf_outcome = (mf_result){ 1, string(ctx, argv[0]), string(ctx, argv[1]), string(ctx, argv[2]) };
    return JS_UNDEFINED;
}
METHOD(host_load) {
    size_t len;
    const char *name = JS_ToCStringLen(ctx, &len, argv[0]);
    if (!name) return JS_EXCEPTION;
    JSValue promise = JS_LoadModule(ctx, "", name);
    JS_FreeCString(ctx, name);
    return promise;
}
METHOD(host_load_failed) { return JS_NewBool(ctx, mf_load_failed); }
METHOD(host_out_of_memory) { return JS_NewBool(ctx, mf_out_of_memory); }
METHOD(host_elapsed) { return JS_NewFloat64(ctx, (double)mf_system_elapsed()); }
METHOD(host_random) {
    uint32_t len;
    if (JS_ToUint32(ctx, &len, argv[0])) return JS_EXCEPTION;
    if (len > 65536) return JS_ThrowRangeError(ctx, "at most 65536 bytes");
    uint8_t bytes[len ? len : 1];
    mf_random(bytes, len);
    return JS_NewArrayBufferCopy(ctx, bytes, len);
}
METHOD(host_encode) {
    size_t len;
    const char *text = JS_ToCStringLen(ctx, &len, argv[0]);
    if (!text) return JS_EXCEPTION;
    JSValue buffer = JS_NewArrayBufferCopy(ctx, (const uint8_t *)text, len);
    JS_FreeCString(ctx, text);
    return buffer;
}
// decode(buffer, offset, length, fatal, stream): [text, bytes left over]. The decoder of the Encoding Standard: every
// maximal part of a wrong sequence becomes U+FFFD; a sequence that is cut off at the end is left over when more will come.
METHOD(host_decode) {
    size_t size;
    uint32_t offset, len;
    uint8_t *bytes = JS_GetArrayBuffer(ctx, &size, argv[0]);
    if (!bytes && size) return JS_EXCEPTION;
    if (JS_ToUint32(ctx, &offset, argv[1]) || JS_ToUint32(ctx, &len, argv[2])) return JS_EXCEPTION;
    if (offset > size || len > size - offset) return JS_ThrowRangeError(ctx, "out of bounds");
    mf_text text = mf_utf8(bytes + offset, len, JS_ToBool(ctx, argv[4]));
    if (text.wrong && JS_ToBool(ctx, argv[3])) {
        free(text.owned);
        return JS_ThrowTypeError(ctx, "The encoded data was not valid for encoding utf-8");
    }
    JSValue pair = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, pair, 0, JS_NewStringLen(ctx, text.ptr, text.len));
    JS_SetPropertyUint32(ctx, pair, 1, JS_NewUint32(ctx, text.left));
    free(text.owned);
    return pair;
}
METHOD(host_ready) {
    mf_boot = JS_DupValue(ctx, argv[0]);
    mf_dispatch = JS_DupValue(ctx, argv[1]);
    mf_failed = JS_DupValue(ctx, argv[2]);
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry functions[] = {
    JS_CFUNC_DEF("submit", 2, host_submit), JS_CFUNC_DEF("cancel", 1, host_cancel), JS_CFUNC_DEF("log", 2, host_log),
    JS_CFUNC_DEF("succeed", 1, host_succeed), JS_CFUNC_DEF("fail", 3, host_fail), JS_CFUNC_DEF("load", 1, host_load),
    JS_CFUNC_DEF("loadFailed", 0, host_load_failed), JS_CFUNC_DEF("outOfMemory", 0, host_out_of_memory),
    JS_CFUNC_DEF("elapsed", 0, host_elapsed),
    JS_CFUNC_DEF("random", 1, host_random), JS_CFUNC_DEF("encode", 1, host_encode),
    JS_CFUNC_DEF("decode", 5, host_decode), JS_CFUNC_DEF("ready", 3, host_ready),
};
#define COUNT ((int)(sizeof functions / sizeof functions[0]))

static int init(JSContext *ctx, JSModuleDef *module) { return JS_SetModuleExportList(ctx, module, functions, COUNT); }

JSModuleDef *mf_host_module(JSContext *ctx, const char *name) {
    JSModuleDef *module = JS_NewCModule(ctx, name, init);
    if (module) JS_AddModuleExportList(ctx, module, functions, COUNT);
    return module;
}
