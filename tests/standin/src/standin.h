// What the stand-in libraries share. libcudart.so.13 defines these functions and the others link against it.
#pragma once
#include <cstddef>
#include <cstdint>

#define API extern "C" __attribute__((visibility("default")))

// Appends a line to the call log: process, thread, microseconds, current device, call, detail, separated by tabs.
API void standin_log(const char *call, const char *detail_format, ...) __attribute__((format(printf, 2, 3)));
// Puts a library's work (a cuBLAS product, a cuDNN pass) on a stream: logged as a launch, captured and timed as a kernel is. 0 or a CUDA error.
API int standin_work(const char *kernel, double seconds, void *stream);
// A function that no source file here defines: answers 0 and is logged as `default NAME`.
API long standin_default(const char *name);
// Reports each kernel, copy and fill to the CUPTI stand-in.
typedef void (*standin_ran)(const char *name, int device, void *stream, uint64_t start_ns, uint64_t end_ns, uint32_t correlation);
API void standin_watch(standin_ran observer);
API uint64_t standin_now_ns();
// A handle for a kernel that was loaded at run time, as Triton's are.
API void *standin_kernel(const char *name);
// Whether the fault named KIND in STANDIN_FAULT strikes at this, the next, event of its kind (see faults.cpp).
API int standin_strikes(const char *kind);
API void standin_arm();  // from here on faults count
API int standin_device_count();
