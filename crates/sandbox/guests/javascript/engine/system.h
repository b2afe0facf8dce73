// What libc asks a system for, answered from the execution: no import of WASI is left in the module.
#ifndef MF_SYSTEM_H
#define MF_SYSTEM_H
#include <stddef.h>
#include <stdint.h>

// Begins an execution: its 32 bytes of seed, its time in microseconds.
void mf_system_start(const uint8_t *seed, uint64_t now);
// Virtual time goes on. It never goes back.
void mf_system_now(uint64_t now);
// Microseconds since the execution began.
uint64_t mf_system_elapsed(void);
// The next bytes of the execution's random stream (ChaCha20 under the seed).
void mf_random(uint8_t *out, size_t len);

#endif
