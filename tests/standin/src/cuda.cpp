// The driver's functions that PyTorch calls itself, through libcaffe2_nvrtc.so or cudaGetDriverEntryPoint.
#include "standin.h"

#include <cuda_runtime_api.h>
#include <cuda.h>
#include <cstring>

#pragma GCC visibility push(default)
extern "C" {
CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *v) { *v = 13000; return CUDA_SUCCESS; }
CUresult cuDeviceGetCount(int *n) { return cudaGetDeviceCount(n) ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS; }
CUresult cuDeviceGet(CUdevice *d, int i) { *d = i; return CUDA_SUCCESS; }
CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d) { return (CUresult)cudaDeviceGetAttribute(v, (cudaDeviceAttr)a, d); }
CUresult cuGetErrorString(CUresult r, const char **s) { *s = cudaGetErrorString((cudaError_t)r); return CUDA_SUCCESS; }
CUresult cuCtxGetCurrent(CUcontext *c) { int d; cudaGetDevice(&d); *c = (CUcontext)(uintptr_t)(d + 1); return CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext c) { if (c) cudaSetDevice(int((uintptr_t)c) - 1); return CUDA_SUCCESS; }
CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) { *c = (CUcontext)(uintptr_t)(d + 1); return CUDA_SUCCESS; }
CUresult cuDevicePrimaryCtxGetState(CUdevice, unsigned *flags, int *active) { *flags = 0, *active = 1; return CUDA_SUCCESS; }
CUresult cuModuleLoadData(CUmodule *m, const void *) { *m = (CUmodule)1; return CUDA_SUCCESS; }
CUresult cuModuleGetFunction(CUfunction *f, CUmodule, const char *name) { *f = (CUfunction)standin_kernel(name); return CUDA_SUCCESS; }
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream s, void **args, void **) {
    return (CUresult)cudaLaunchKernel(f, dim3{gx, gy, gz}, dim3{bx, by, bz}, args, shared, s);
}
CUresult cuPointerGetAttribute(void *to, CUpointer_attribute what, CUdeviceptr p) {
    cudaPointerAttributes a;
    cudaPointerGetAttributes(&a, (void *)p);
    if (what == CU_POINTER_ATTRIBUTE_CONTEXT) *(void **)to = (void *)(uintptr_t)(a.device + 1);
    else if (what == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL) *(int *)to = a.device;
    else memset(to, 0, 4);
    return a.type == cudaMemoryTypeDevice ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
}

// ---- what only Triton's launcher calls ----

extern "C" {
CUresult cuCtxGetDevice(CUdevice *d) { return (CUresult)cudaGetDevice(d); }
CUresult cuFuncGetAttribute(int *v, CUfunction_attribute a, CUfunction) {
    *v = a == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : a == CU_FUNC_ATTRIBUTE_NUM_REGS ? 32 : 0;
    return CUDA_SUCCESS;
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **args, void **) {
    return (CUresult)cudaLaunchKernel(f, dim3{c->gridDimX, c->gridDimY, c->gridDimZ}, dim3{c->blockDimX, c->blockDimY, c->blockDimZ}, args, c->sharedMemBytes, c->hStream);
}
CUresult cuOccupancyMaxActiveClusters(int *n, CUfunction, const CUlaunchConfig *) { *n = 16; return CUDA_SUCCESS; }
}
