// Devices: how many there are, what they say of themselves, and the driver's functions that PyTorch looks up through the runtime.
// The figures are an H100's, so that PyTorch takes the paths it takes there; the name claims no GPU and agrees with the NVML stand-in's.
#include "state.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstring>

API cudaError_t cudaGetDeviceCount(int *n) {
    state();
    if (forked) return failed(cudaErrorInitializationError);
    state().initialised = true;  // it calls cuInit: a child forked after this has no CUDA
    *n = state().devices;
    return state().devices ? cudaSuccess : failed(cudaErrorNoDevice);
}
API cudaError_t cudaGetDevice(int *d) {
    state();
    if (forked) return failed(cudaErrorInitializationError);
    *d = current;
    return cudaSuccess;
}
API cudaError_t cudaSetDevice(int d) {
    READY(false);
    if (d < 0 || d >= state().devices) return failed(cudaErrorInvalidDevice);
    if (d != current) standin_log("cudaSetDevice", "%d", d);
    current = d;
    return cudaSuccess;
}
API cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int d) {
    READY();
    if (d < 0 || d >= state().devices) return failed(cudaErrorInvalidDevice);
    memset(p, 0, sizeof *p);
    snprintf(p->name, sizeof p->name, "Stand-in %d", d);
    memset(p->uuid.bytes, d ? 0x11 * d : 0, 16);
    p->uuid.bytes[0] = p->uuid.bytes[1] = char(0xaa + 0x11 * d);
    p->totalGlobalMem = state().memory, p->sharedMemPerBlock = 49152, p->regsPerBlock = 65536, p->warpSize = 32;
    p->maxThreadsPerBlock = 1024, p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024, p->maxThreadsDim[2] = 64;
    p->maxGridSize[0] = 2147483647, p->maxGridSize[1] = p->maxGridSize[2] = 65535;
    p->totalConstMem = 65536, p->major = 9, p->minor = 0, p->multiProcessorCount = 132, p->l2CacheSize = 52428800;
    p->textureAlignment = 512, p->canMapHostMemory = p->concurrentKernels = p->ECCEnabled = p->unifiedAddressing = 1;
    p->pciBusID = 0x1b + d, p->asyncEngineCount = 3, p->memoryBusWidth = 5120, p->maxThreadsPerMultiProcessor = 2048;
    p->streamPrioritiesSupported = p->globalL1CacheSupported = p->localL1CacheSupported = p->managedMemory = 1;
    p->sharedMemPerMultiprocessor = 233472, p->regsPerMultiprocessor = 65536, p->sharedMemPerBlockOptin = 232448;
    p->cooperativeLaunch = p->memoryPoolsSupported = p->clusterLaunch = 1, p->maxBlocksPerMultiProcessor = 32;
    return cudaSuccess;
}
API cudaError_t cudaDeviceGetAttribute(int *v, cudaDeviceAttr a, int) {
    READY(false);
    switch (a) {
    case cudaDevAttrComputeCapabilityMajor: *v = 9; break;
    case cudaDevAttrComputeCapabilityMinor: *v = 0; break;
    case cudaDevAttrMultiProcessorCount: *v = 132; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *v = 49152; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *v = 232448; break;
    case cudaDevAttrMaxThreadsPerBlock: *v = 1024; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *v = 2048; break;
    case cudaDevAttrWarpSize: *v = 32; break;
    case cudaDevAttrMaxGridDimX: *v = 2147483647; break;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: *v = 65535; break;
    case cudaDevAttrMaxBlockDimX: case cudaDevAttrMaxBlockDimY: *v = 1024; break;
    case cudaDevAttrMaxRegistersPerBlock: *v = 65536; break;
    case cudaDevAttrClockRate: *v = 1980000; break;
    case cudaDevAttrMemoryClockRate: *v = 2619000; break;
    default: *v = 0;
    }
    return cudaSuccess;
}
API cudaError_t cudaDeviceGetPCIBusId(char *id, int n, int d) { READY(); snprintf(id, n, "0000:%02X:00.0", 0x1b + d); return cudaSuccess; }
API cudaError_t cudaDeviceCanAccessPeer(int *can, int, int) { READY(); *can = 1; return cudaSuccess; }
API cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { READY(); return cudaSuccess; }
API cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { READY(false); *least = 0, *greatest = -5; return cudaSuccess; }
API cudaError_t cudaDriverGetVersion(int *v) { state(); *v = state().devices ? 13000 : 0; return cudaSuccess; }
API cudaError_t cudaRuntimeGetVersion(int *v) { *v = 13000; return cudaSuccess; }
API cudaError_t cudaDeviceSynchronize() {
    READY();
    if (cudaError_t e = unsafe(__func__)) return e;
    uint64_t when = 0;
    {
        Lock l(state().lock);
        when = state().defaults[current]->busy_until;
        for (cudaStream_t s : state().streams) if (s->device == current) when = std::max(when, s->busy_until);
    }
    wait_until(when);
    return cudaSuccess;
}
API cudaError_t cudaProfilerStart() { READY(); return cudaSuccess; }
API cudaError_t cudaProfilerStop() { READY(); return cudaSuccess; }

API cudaError_t cudaGetDriverEntryPointByVersion(const char *symbol, void **f, unsigned, unsigned long long, cudaDriverEntryPointQueryResult *result) {
    static void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver) {
        Dl_info here;
        dladdr((void *)&cudaGetDriverEntryPointByVersion, &here);
        std::string path = here.dli_fname;
        driver = dlopen((path.substr(0, path.rfind('/') + 1) + "libcuda.so.1").c_str(), RTLD_NOW | RTLD_LOCAL);
    }
    *f = driver ? dlsym(driver, symbol) : nullptr;
    if (driver && !*f) *f = dlsym(driver, (std::string(symbol) + "_v2").c_str());
    standin_log("driver entry point", "name=%s found=%d", symbol, *f != nullptr);
    if (result) *result = *f ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
    return *f ? cudaSuccess : failed(cudaErrorSymbolNotFound);
}
