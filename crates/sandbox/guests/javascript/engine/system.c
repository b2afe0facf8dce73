#include "system.h"
#include <string.h>

static uint64_t started, now;

void mf_system_now(uint64_t at) {
    if (at > now) now = at;
}
uint64_t mf_system_elapsed(void) { return now - started; }

// ---- random: ChaCha20 (RFC 8439), the seed is the key, the nonce is zero
static uint32_t state[16];
static uint8_t block[64];
static size_t used = sizeof block;

static uint32_t rotl(uint32_t v, int n) { return v << n | v >> (32 - n); }
static void quarter(uint32_t *x, int a, int b, int c, int d) {
    x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 16);
    x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 12);
    x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 8);
    x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 7);
}
static void refill(void) {
    uint32_t x[16];
    memcpy(x, state, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter(x, 0, 4, 8, 12); quarter(x, 1, 5, 9, 13); quarter(x, 2, 6, 10, 14); quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15); quarter(x, 1, 6, 11, 12); quarter(x, 2, 7, 8, 13); quarter(x, 3, 4, 9, 14);
    }
    for (int i = 0; i < 16; i++) x[i] += state[i];
    memcpy(block, x, sizeof block);
    if (++state[12] == 0) state[13]++;
    used = 0;
}
void mf_random(uint8_t *out, size_t len) {
    while (len > 0) {
        if (used == sizeof block) refill();
        size_t n = sizeof block - used < len ? sizeof block - used : len;
        memcpy(out, block + used, n);
        memset(block + used, 0, n);
        used += n; out += n; len -= n;
    }
}

void mf_system_start(const uint8_t *seed, uint64_t at) {
    started = now = at;
    memset(state, 0, sizeof state);
    memcpy(state, "expand 32-byte k", 16);
    memcpy(state + 4, seed, 32);
    used = sizeof block;
}

// ---- what wasi-libc would import
#define WASI(n) __imported_wasi_snapshot_preview1_##n
enum { OK = 0, BADF = 8 };
static int32_t put64(int32_t at, uint64_t value) {
    memcpy((void *)at, &value, 8);
    return OK;
}
int32_t WASI(clock_time_get)(int32_t id, int64_t precision, int32_t out) {
    (void)precision;
    return put64(out, (id == 0 ? now : mf_system_elapsed()) * 1000);
}
int32_t WASI(clock_res_get)(int32_t id, int32_t out) { (void)id; return put64(out, 1000); }
int32_t WASI(random_get)(int32_t out, int32_t len) { mf_random((uint8_t *)out, (size_t)len); return OK; }
int32_t WASI(fd_write)(int32_t fd, int32_t parts, int32_t count, int32_t out) {
    (void)fd;
    uint32_t *part = (uint32_t *)parts, total = 0; // swallowed
    for (int32_t i = 0; i < count; i++) total += part[2 * i + 1];
    *(uint32_t *)out = total;
    return OK;
}
int32_t WASI(fd_close)(int32_t fd) { (void)fd; return BADF; }
int32_t WASI(fd_seek)(int32_t fd, int64_t to, int32_t whence, int32_t out) { (void)fd; (void)to; (void)whence; (void)out; return BADF; }
int32_t WASI(fd_fdstat_get)(int32_t fd, int32_t out) { (void)fd; (void)out; return BADF; }
int32_t WASI(environ_sizes_get)(int32_t count, int32_t size) { *(uint32_t *)count = 0; *(uint32_t *)size = 0; return OK; }
int32_t WASI(environ_get)(int32_t list, int32_t text) { (void)list; (void)text; return OK; }
_Noreturn void WASI(proc_exit)(int32_t code) { (void)code; __builtin_trap(); }
int close(int fd) { (void)fd; return -1; }
