// Kernels: their registration by nvcc's start-up code, their names, and their launches.
#include "state.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>

namespace {
struct Config { dim3 grid, block; size_t shared; cudaStream_t stream; };
thread_local std::vector<Config> configs;

std::string name_of(const void *f) {
    Lock l(state().lock);
    auto it = state().kernels.find(f);
    if (it == state().kernels.end()) it = state().kernels.emplace(f, new Kernel{"unknown kernel", ""}).first;
    Kernel *k = it->second;
    if (k->name.empty()) {
        int status;
        char *plain = abi::__cxa_demangle(k->mangled.c_str(), nullptr, nullptr, &status);
        k->name = plain ? plain : k->mangled;
        free(plain);
    }
    return k->name;
}

cudaError_t launch(const void *f, dim3 grid, dim3 block, size_t shared, cudaStream_t s) {
    READY(false);
    cudaStream_t on = stream_of(s);
    std::string name = name_of(f);
    standin_log("launch", "device=%d stream=%d grid=%u,%u,%u block=%u,%u,%u shared=%zu name=%s", on->device, on->number, grid.x, grid.y, grid.z,
                block.x, block.y, block.z, shared, name.c_str());
    if (on->device != current) return failed(cudaErrorInvalidResourceHandle);
    if (grid.x * block.x == 0 || block.x * block.y * block.z > 1024) return failed(cudaErrorInvalidConfiguration);
    if (state().launch_s) wait_until(standin_now_ns() + uint64_t(state().launch_s * 1e9));
    return enqueue(name, state().kernel_s, s, nullptr, true);
}
}  // namespace

API void *standin_kernel(const char *name) {
    Lock l(state().lock);
    void *&handle = state().kernels_by_name[name];
    if (!handle) state().kernels[handle = malloc(1)] = new Kernel{name, ""};
    return handle;
}

API void **__cudaRegisterFatBinary(void *) { return new void *(nullptr); }
API void __cudaRegisterFatBinaryEnd(void **) {}
API void __cudaUnregisterFatBinary(void **) {}
API char __cudaInitModule(void **) { return 1; }
API void __cudaRegisterFunction(void **, const char *host, char *, const char *name, int, uint3 *, uint3 *, dim3 *, dim3 *, int *) {
    Lock l(state().lock);
    state().kernels[host] = new Kernel{name, ""};
}
API void __cudaRegisterVar(void **, char *host, char *, const char *, int, size_t size, int, int) {
    Lock l(state().lock);
    state().symbols[host] = {calloc(1, size ? size : 1), size};
}

API unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
    configs.push_back({grid, block, shared, stream});
    return 0;
}
API cudaError_t __cudaPopCallConfiguration(dim3 *grid, dim3 *block, size_t *shared, void *stream) {
    Config c = configs.back();
    configs.pop_back();
    *grid = c.grid, *block = c.block, *shared = c.shared, *static_cast<cudaStream_t *>(stream) = c.stream;
    return cudaSuccess;
}
API cudaError_t __cudaGetKernel(cudaKernel_t *k, const void *f) {
    *k = (cudaKernel_t)f;
    return cudaSuccess;
}
API cudaError_t __cudaLaunchKernel(cudaKernel_t k, dim3 grid, dim3 block, void **, size_t shared, cudaStream_t s) {
    return launch(k, grid, block, shared, s);
}
API cudaError_t cudaLaunchKernel(const void *f, dim3 grid, dim3 block, void **, size_t shared, cudaStream_t s) {
    return launch(f, grid, block, shared, s);
}
API cudaError_t cudaLaunchCooperativeKernel(const void *f, dim3 grid, dim3 block, void **, size_t shared, cudaStream_t s) {
    return launch(f, grid, block, shared, s);
}
API cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *c, const void *f, void **) {
    return launch(f, c->gridDim, c->blockDim, c->dynamicSmemBytes, c->stream);
}
API cudaError_t cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t fn, void *data) {
    READY();
    return enqueue("host function", 0, s, [=] { fn(data); }, false);
}
API cudaError_t cudaStreamAddCallback(cudaStream_t s, cudaStreamCallback_t fn, void *data, unsigned) {
    READY();
    return enqueue("host function", 0, s, [=] { fn(s, cudaSuccess, data); }, false);
}

API cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, const void *) {
    READY(false);
    memset(a, 0, sizeof *a);
    a->maxThreadsPerBlock = 1024, a->numRegs = 32, a->ptxVersion = a->binaryVersion = 90, a->maxDynamicSharedSizeBytes = 232448;
    return cudaSuccess;
}
API cudaError_t cudaFuncSetAttribute(const void *, cudaFuncAttribute, int) { READY(false); return cudaSuccess; }
API cudaError_t cudaKernelSetAttributeForDevice(cudaKernel_t, cudaFuncAttribute, int, int) { READY(false); return cudaSuccess; }
API cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *n, const void *, int, size_t) { READY(false); *n = 2; return cudaSuccess; }
API cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *n, const void *, int, size_t, unsigned) { READY(false); *n = 2; return cudaSuccess; }
API cudaError_t cudaLibraryLoadData(cudaLibrary_t *l, const void *, cudaJitOption *, void **, unsigned, cudaLibraryOption *, void **, unsigned) { READY(); *l = (cudaLibrary_t)1; return cudaSuccess; }
API cudaError_t cudaLibraryGetKernel(cudaKernel_t *k, cudaLibrary_t, const char *name) { READY(); *k = (cudaKernel_t)standin_kernel(name); return cudaSuccess; }
API cudaError_t cudaLibraryUnload(cudaLibrary_t) { READY(); return cudaSuccess; }
API cudaError_t cudaGetSymbolAddress(void **p, const void *s) {
    READY();
    Lock l(state().lock);
    *p = state().symbols[s].first;
    return *p ? cudaSuccess : failed(cudaErrorInvalidSymbol);
}
API cudaError_t cudaMemcpyToSymbol(const void *s, const void *src, size_t n, size_t offset, cudaMemcpyKind) {
    READY();
    Lock l(state().lock);
    memcpy(static_cast<char *>(state().symbols[s].first) + offset, src, n);
    return cudaSuccess;
}
