// Modules: the prelude from the image, everything else from the agent's files. There is nowhere else to look.
#include "engine.h"
#include <stdlib.h>
#include <string.h>

#define INTERNAL "moltforge:"
#define PATH 512

bool mf_load_failed;
static mf_file *files;
static uint32_t files_len;

void mf_modules_files(mf_file *list, uint32_t count) {
    files = list;
    files_len = count;
}
static bool starts_with(const char *text, const char *prefix) { return !strncmp(text, prefix, strlen(prefix)); }
static bool ends_with(const char *text, const char *suffix) {
    size_t len = strlen(text), tail = strlen(suffix);
    return len > tail && !strcmp(text + len - tail, suffix);
}
static mf_file *find(const char *name) {
    for (uint32_t i = 0; i < files_len; i++)
        if (files[i].name.len == strlen(name) && !memcmp(files[i].name.ptr, name, files[i].name.len)) return &files[i];
    return NULL;
}

// ---- names
static char *fail(JSContext *ctx, const char *format, const char *name, const char *base) {
    mf_load_failed = true;
    JS_ThrowReferenceError(ctx, format, name, base);
    return NULL;
}
// Joins `name` to the folder of `base`; false when it leaves the bundle or is too long.
static bool join(char *out, const char *base, const char *name) {
    const char *slash = strrchr(base, '/');
    size_t len = slash ? (size_t)(slash - base) : 0;
    if (len + strlen(name) + 2 > PATH) return false;
    memcpy(out, base, len);
    while (*name) {
        size_t part = strcspn(name, "/");
        if (part == 2 && name[0] == '.' && name[1] == '.') {
            if (len == 0) return false;
            while (len > 0 && out[--len] != '/') {}
        } else if (part > 0 && !(part == 1 && name[0] == '.')) {
            if (len > 0) out[len++] = '/';
            memcpy(out + len, name, part);
            len += part;
        }
        name += part + (name[part] == '/');
    }
    out[len] = 0;
    return true;
}
// The file that a relative name means: itself, or with the ending that was left out, or the TypeScript that it was.
static bool complete(char *path) {
    static const char *const endings[] = { ".js", ".mjs", ".ts", ".mts", ".json", "/index.js", "/index.ts", NULL };
    size_t len = strlen(path);
    if (find(path)) return true;
    for (const char *const *ending = endings; *ending; ending++) {
        strcpy(path + len, *ending);
        if (find(path)) return true;
    }
    path[len] = 0;
    if (ends_with(path, ".js") || ends_with(path, ".mjs")) {
        path[len - 2] = 't';
        if (find(path)) return true;
        path[len - 2] = 'j';
    }
    return false;
}
static char *normalize(JSContext *ctx, const char *base, const char *name, void *opaque) {
    (void)opaque;
    char path[PATH + 16];
    if (base[0] == 0) return js_strdup(ctx, name); // the entry, or the prelude
    if (starts_with(base, INTERNAL)) {
        if (strlen(name) > 64) return fail(ctx, "cannot import '%s' from %s", name, base);
        strcpy(path, INTERNAL);
        strcat(path, starts_with(name, "./") ? name + 2 : name);
        return js_strdup(ctx, path);
    }
    if (!strcmp(name, "moltforge")) return js_strdup(ctx, INTERNAL "api.js");
    if (starts_with(name, "node:"))
        return fail(ctx, "cannot import '%s' from %s: the modules of Node do not exist here; files, sockets and processes "
                         "are out of reach of a code agent, use a tool or `fetch`", name, base);
    if (!starts_with(name, "./") && !starts_with(name, "../"))
        return fail(ctx, "cannot import '%s' from %s: packages are not installed where an agent runs; bundle it into the "
                         "agent's files and import it by a relative path, such as './vendor.js'", name, base);
    if (!join(path, base, name)) return fail(ctx, "cannot import '%s' from %s: it leaves the agent's files", name, base);
    if (!complete(path)) return fail(ctx, "cannot import '%s' from %s: no such file in the agent's bundle", name, base);
    return js_strdup(ctx, path);
}

// ---- contents
static int init_value(JSContext *ctx, JSModuleDef *module) {
    return JS_SetModuleExport(ctx, module, "default", JS_GetModulePrivateValue(ctx, module));
}
static JSModuleDef *value_module(JSContext *ctx, const char *name, JSValue value) {
    if (JS_IsException(value)) return NULL;
    JSModuleDef *module = JS_NewCModule(ctx, name, init_value);
    if (!module || JS_AddModuleExport(ctx, module, "default")) {
        JS_FreeValue(ctx, value);
        return NULL;
    }
    JS_SetModulePrivateValue(ctx, module, value);
    return module;
}
static JSModuleDef *source_module(JSContext *ctx, const char *name, const char *text, size_t len) {
    JSValue module = JS_Eval(ctx, text, len, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module)) return NULL;
    JSValue meta = JS_GetImportMeta(ctx, JS_VALUE_GET_PTR(module));
    JS_SetPropertyStr(ctx, meta, "url", JS_NewString(ctx, name));
    JS_FreeValue(ctx, meta);
    JSModuleDef *definition = JS_VALUE_GET_PTR(module);
    JS_FreeValue(ctx, module); // the context holds it
    return definition;
}
static bool wants_text(JSContext *ctx, const char *name, JSValueConst attributes) {
    if (ends_with(name, ".txt") || ends_with(name, ".md")) return true;
    if (!JS_IsObject(attributes)) return false;
    JSValue type = JS_GetPropertyStr(ctx, attributes, "type");
    const char *text = JS_ToCString(ctx, type);
    bool is = text && !strcmp(text, "text");
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, type);
    return is;
}
static JSModuleDef *load_file(JSContext *ctx, const char *name, JSValueConst attributes) {
    mf_file *file = find(name);
    if (!file) {
        JS_ThrowReferenceError(ctx, "%s is not among the agent's files", name);
        return NULL;
    }
    const char *text = file->text.len ? file->text.ptr : "";
    if (wants_text(ctx, name, attributes)) return value_module(ctx, name, JS_NewStringLen(ctx, text, file->text.len));
    if (ends_with(name, ".json")) return value_module(ctx, name, JS_ParseJSON(ctx, text, file->text.len, name));
    return source_module(ctx, name, text, file->text.len);
}
static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque, JSValueConst attributes) {
    (void)opaque;
    if (!strcmp(name, INTERNAL "host")) return mf_host_module(ctx, name);
    for (size_t i = 0; starts_with(name, INTERNAL) && i < mf_prelude_len; i++)
        if (!strcmp(name, mf_prelude[i].name)) return source_module(ctx, name, mf_prelude[i].text, mf_prelude[i].len);
    JSModuleDef *module = load_file(ctx, name, attributes);
    if (!module) mf_load_failed = true;
    return module;
}

void mf_modules_init(void) { JS_SetModuleLoaderFunc2(mf_rt, normalize, load, NULL, NULL); }
