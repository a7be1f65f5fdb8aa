// Memory: blocks of host memory that count as a device's, copies and fills.
#include "state.h"

#include <sys/mman.h>

#include <cstring>

namespace {
size_t pages(size_t n) { return n ? (n + 4095) & ~size_t(4095) : 4096; }

cudaError_t allocate(void **p, size_t n, int device) {
    State &s = state();
    Lock l(s.lock);
    bool full = device >= 0 && s.used[device] + pages(n) + CONTEXT_BYTES > s.memory;
    if (full || (device >= 0 && standin_strikes("oom"))) {
        standin_log("out of memory", "device=%d bytes=%zu used=%zu", device, n, s.used[device]);
        return failed(cudaErrorMemoryAllocation);
    }
    void *at = mmap(nullptr, pages(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return failed(cudaErrorMemoryAllocation);
    s.blocks[reinterpret_cast<uintptr_t>(at)] = {pages(n), device};
    if (device >= 0) s.used[device] += pages(n);
    *p = at;
    return cudaSuccess;
}

cudaError_t release(void *p) {
    if (!p) return cudaSuccess;
    State &s = state();
    Lock l(s.lock);
    auto it = s.blocks.find(reinterpret_cast<uintptr_t>(p));
    if (it == s.blocks.end()) return failed(cudaErrorInvalidValue);
    if (it->second.device >= 0) s.used[it->second.device] -= it->second.size;
    munmap(p, it->second.size);
    s.blocks.erase(it);
    return cudaSuccess;
}

// Copies at once, when called: a missing synchronisation shows in the log and on the clock, never in the data.
cudaError_t copy(const char *call, void *to, const void *from, size_t n, cudaMemcpyKind kind, cudaStream_t s, bool blocking) {
    if (blocking) if (cudaError_t e = unsafe(call)) return e;
    standin_log(call, "bytes=%zu kind=%d stream=%d", n, int(kind), stream_of(s)->number);
    static const char *names[] = {"Memcpy HtoH", "Memcpy HtoD", "Memcpy DtoH", "Memcpy DtoD", "Memcpy"};
    double rate = kind == cudaMemcpyDeviceToDevice ? 1.5e12 : 2.5e10;
    cudaError_t e = enqueue(names[kind], 1e-6 + n / rate, s, [=] { memmove(to, from, n); }, false);
    if (!e && blocking) wait_until(stream_of(s)->busy_until);
    return e;
}
}  // namespace

API cudaError_t cudaMalloc(void **p, size_t n) {
    READY(false);
    standin_log("cudaMalloc", "device=%d bytes=%zu", current, n);
    if (cudaError_t e = unsafe(__func__)) return e;
    return allocate(p, n, current);
}
API cudaError_t cudaMallocAsync(void **p, size_t n, cudaStream_t) { READY(); return allocate(p, n, current); }
API cudaError_t cudaFree(void *p) {
    READY();
    if (p) if (cudaError_t e = unsafe(__func__)) return e;
    return release(p);
}
API cudaError_t cudaFreeAsync(void *p, cudaStream_t) { READY(); return release(p); }
API cudaError_t cudaHostAlloc(void **p, size_t n, unsigned) { READY(); return allocate(p, n, -1); }
API cudaError_t cudaFreeHost(void *p) { READY(); return release(p); }
API cudaError_t cudaHostRegister(void *, size_t, unsigned) { READY(); return cudaSuccess; }
API cudaError_t cudaHostUnregister(void *) { READY(); return cudaSuccess; }
API cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
    READY();
    Lock l(state().lock);
    *total = state().memory, *free = state().memory - CONTEXT_BYTES - state().used[current];
    return cudaSuccess;
}
API cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *a, const void *p) {
    READY(false);
    Lock l(state().lock);
    memset(a, 0, sizeof *a);
    a->device = -1;
    auto it = state().blocks.upper_bound(reinterpret_cast<uintptr_t>(p));
    if (it == state().blocks.begin()) return cudaSuccess;
    --it;
    if (reinterpret_cast<uintptr_t>(p) >= it->first + it->second.size) return cudaSuccess;
    a->type = it->second.device >= 0 ? cudaMemoryTypeDevice : cudaMemoryTypeHost;
    a->device = std::max(0, it->second.device);
    a->devicePointer = const_cast<void *>(p);
    a->hostPointer = it->second.device >= 0 ? nullptr : const_cast<void *>(p);
    return cudaSuccess;
}
API cudaError_t cudaMemcpy(void *d, const void *s, size_t n, cudaMemcpyKind k) { READY(false); return copy(__func__, d, s, n, k, nullptr, true); }
API cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, cudaMemcpyKind k, cudaStream_t on) {
    READY(false);
    return copy(__func__, d, s, n, k, on, false);
}
API cudaError_t cudaMemcpyPeerAsync(void *d, int, const void *s, int, size_t n, cudaStream_t on) { READY(false); return copy(__func__, d, s, n, cudaMemcpyDeviceToDevice, on, false); }
API cudaError_t cudaMemcpy2DAsync(void *d, size_t dp, const void *s, size_t sp, size_t w, size_t h, cudaMemcpyKind k, cudaStream_t on) {
    READY(false);
    cudaError_t e = cudaSuccess;
    for (size_t i = 0; i < h && !e; i++) e = copy(__func__, (char *)d + i * dp, (const char *)s + i * sp, w, k, on, false);
    return e;
}
API cudaError_t cudaMemset(void *p, int v, size_t n) { READY(); return enqueue("Memset", 1e-6, nullptr, [=] { memset(p, v, n); }, false); }
API cudaError_t cudaMemsetAsync(void *p, int v, size_t n, cudaStream_t s) { READY(); return enqueue("Memset", 1e-6, s, [=] { memset(p, v, n); }, false); }
API cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *p, int) { READY(); *p = (cudaMemPool_t)1; return cudaSuccess; }
API cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void *v) { READY(); *(uint64_t *)v = 0; return cudaSuccess; }
API cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void *) { READY(); return cudaSuccess; }
API cudaError_t cudaMemPoolSetAccess(cudaMemPool_t, const cudaMemAccessDesc *, size_t) { READY(); return cudaSuccess; }
API cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { READY(); return cudaSuccess; }
API cudaError_t cudaDeviceGetGraphMemAttribute(int, cudaGraphMemAttributeType, void *v) { READY(); *(uint64_t *)v = 0; return cudaSuccess; }
API cudaError_t cudaDeviceSetGraphMemAttribute(int, cudaGraphMemAttributeType, void *) { READY(); return cudaSuccess; }
API cudaError_t cudaIpcGetMemHandle(cudaIpcMemHandle_t *, void *) { READY(); return failed(cudaErrorNotSupported); }
API cudaError_t cudaIpcOpenMemHandle(void **, cudaIpcMemHandle_t, unsigned) { READY(); return failed(cudaErrorNotSupported); }
API cudaError_t cudaIpcCloseMemHandle(void *) { READY(); return failed(cudaErrorNotSupported); }
API cudaError_t cudaIpcGetEventHandle(cudaIpcEventHandle_t *, cudaEvent_t) { READY(); return failed(cudaErrorNotSupported); }
API cudaError_t cudaIpcOpenEventHandle(cudaEvent_t *, cudaIpcEventHandle_t) { READY(); return failed(cudaErrorNotSupported); }
