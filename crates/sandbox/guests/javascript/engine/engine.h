// The one context of an instance, and what the parts share.
#ifndef MF_ENGINE_H
#define MF_ENGINE_H
#include "abi.h"
#include "quickjs.h"

// A file of the prelude, in the image.
typedef struct { const char *name, *text; size_t len; } mf_builtin;
extern const mf_builtin mf_prelude[];
extern const size_t mf_prelude_len;

extern JSRuntime *mf_rt;
extern JSContext *mf_ctx;

// ---- modules.c
extern bool mf_load_failed; // a file of the bundle could not be found or compiled
void mf_modules_init(void);
void mf_modules_files(mf_file *files, uint32_t count);

// ---- host.c: the module `moltforge:host`, which only the prelude can import
JSModuleDef *mf_host_module(JSContext *ctx, const char *name);
extern JSValue mf_boot, mf_dispatch, mf_failed; // the prelude's entry points
extern uint32_t mf_pending;                     // commands without a completion
extern bool mf_settled;
extern mf_result mf_outcome;
void mf_fail(const char *kind, const char *message);

// ---- quickjs.c
extern bool mf_out_of_memory; // an allocation was refused in this run
JSRuntime *mf_new_runtime(void);
void mf_reseed(JSContext *ctx, uint64_t seed);

#endif
