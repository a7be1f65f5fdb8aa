// The stand-in for libcudart.so.13: state, clock, log and errors. Device memory is host memory and kernels only take time on their stream.
//
//   STANDIN_DEVICES    number of devices (1)
//   STANDIN_MEMORY     bytes of each (80 GiB)
//   STANDIN_LOG        file to which every process appends its calls
//   STANDIN_KERNEL_US  microseconds that a kernel takes on its stream (2)
//   STANDIN_LAUNCH_US  microseconds that a launch costs the host (0)
#include "state.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

std::atomic<bool> forked{false};
thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;
thread_local cudaStreamCaptureMode capture_mode = cudaStreamCaptureModeGlobal;

namespace {
State *the_state;
std::atomic<uint32_t> correlation{1};
standin_ran observer = nullptr;

double number(const char *name, double otherwise) {
    const char *value = getenv(name);
    return value ? atof(value) : otherwise;
}

void begin() {
    State *s = the_state = new State;
    s->devices = int(number("STANDIN_DEVICES", 1));
    s->memory = size_t(number("STANDIN_MEMORY", double(80ull << 30)));
    s->kernel_s = number("STANDIN_KERNEL_US", 2) * 1e-6;
    s->launch_s = number("STANDIN_LAUNCH_US", 0) * 1e-6;
    if (const char *file = getenv("STANDIN_LOG")) s->log = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    s->used.assign(s->devices, 0);
    for (int d = 0; d < s->devices; d++) s->defaults.push_back(new CUstream_st{d, true, 0, 0, nullptr, 0});
    // A child forked from a process that has a context can have none, as with the real runtime.
    pthread_atfork(nullptr, nullptr, [] { if (the_state->initialised) forked = true; });
}
}  // namespace

State &state() {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
    return *the_state;
}

long thread_id() { return syscall(SYS_gettid); }
API int standin_device_count() { return state().devices; }
API uint64_t standin_now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void wait_until(uint64_t when) {
    for (uint64_t t = standin_now_ns(); t < when; t = standin_now_ns()) {
        if (when - t < 30000) continue;  // spin, as CUDA does by default
        timespec rest{time_t((when - t) / 1000000000ull), long((when - t) % 1000000000ull)};
        nanosleep(&rest, nullptr);
    }
}

cudaError_t failed(cudaError_t error) {
    if (error != cudaSuccess) last = error;
    return error;
}

cudaError_t ready(const char *call, bool log) {
    State &s = state();
    if (forked) return failed(cudaErrorInitializationError);
    static pid_t looked = 0;  // in each process: the one that forks it loads the library too
    if (looked != getpid()) {
        looked = getpid();
        const char *fault = getenv("STANDIN_FAULT"), *once = getenv("STANDIN_FAULT_ONCE");
        if (fault && once && !strncmp(fault, "lost", 4) && !access(once, F_OK)) s.sticky = cudaErrorDevicesUnavailable;
    }
    s.initialised = true;
    if (log) standin_log(call, "%s", "");
    return failed(s.sticky);
}

cudaStream_t stream_of(cudaStream_t s) {
    return reinterpret_cast<uintptr_t>(s) <= 2 ? state().defaults[current] : s;  // 0, legacy and per-thread
}

cudaError_t unsafe(const char *call) {
    Lock l(state().lock);
    if (capture_mode == cudaStreamCaptureModeRelaxed) return cudaSuccess;
    for (Capture *c : state().captures) {
        if (c->mode == cudaStreamCaptureModeRelaxed) continue;
        bool both_global = c->mode == cudaStreamCaptureModeGlobal && capture_mode == cudaStreamCaptureModeGlobal;
        if (c->thread != thread_id() && !both_global) continue;
        c->broken = true;
        standin_log("capture broken", "by=%s", call);
        return failed(cudaErrorStreamCaptureUnsupported);
    }
    return cudaSuccess;
}

cudaError_t enqueue(const std::string &name, double seconds, cudaStream_t on, std::function<void()> act, bool kernel) {
    State &st = state();
    Lock l(st.lock);
    cudaStream_t s = stream_of(on), main = st.defaults[s->device];
    if (kernel && standin_strikes("illegal")) st.sticky = cudaErrorIllegalAddress;
    if (kernel && standin_strikes("lost")) st.sticky = cudaErrorDevicesUnavailable;
    if (!s->capture && s == main)
        for (Capture *c : st.captures)
            if (c->graph->device == s->device && c->mode != cudaStreamCaptureModeRelaxed && c->origin->blocking) {
                c->broken = true;
                return failed(cudaErrorStreamCaptureImplicit);
            }
    if (s->capture) {
        if (s->capture->broken) return failed(cudaErrorStreamCaptureInvalidated);
        s->capture->graph->nodes.push_back({name, seconds, act, kernel});
        standin_log("captured", "graph=%p stream=%d kernel=%d name=%s", (void *)s->capture->graph, s->number, kernel, name.c_str());
        return cudaSuccess;
    }
    uint64_t start = std::max(standin_now_ns(), s->busy_until);
    if (s == main) { for (cudaStream_t o : st.streams) if (o->device == s->device && o->blocking) start = std::max(start, o->busy_until); }
    else if (s->blocking) start = std::max(start, main->busy_until);
    s->busy_until = start + uint64_t(seconds * 1e9);
    if (act) act();
    if (observer && name != "host function") observer(name.c_str(), s->device, s, start, s->busy_until, correlation++);
    return cudaSuccess;
}

API void standin_watch(standin_ran one) { observer = one; }

API void standin_log(const char *call, const char *format, ...) {
    State &s = state();
    if (s.log < 0) return;
    char line[2048];
    size_t n = snprintf(line, sizeof line, "%d\t%ld\t%llu\t%d\t%s\t", getpid(), thread_id(), (unsigned long long)standin_now_ns() / 1000, current, call);
    va_list a;
    va_start(a, format);
    n += vsnprintf(line + n, sizeof line - n, format, a);
    va_end(a);
    n = std::min(n, sizeof line - 2);
    line[n++] = '\n';
    if (write(s.log, line, n)) {}  // one write, so that lines of several processes do not mix
}

API int standin_work(const char *name, double seconds, void *stream) {
    if (cudaError_t e = ready(name, false)) return e;
    cudaStream_t s = stream_of(static_cast<cudaStream_t>(stream));
    standin_log("launch", "device=%d stream=%d library=1 name=%s", s->device, s->number, name);
    return enqueue(name, seconds, s, nullptr, true);
}

API long standin_default(const char *name) {
    standin_log("default", "name=%s", name);
    return 0;
}

namespace {
struct ErrorText { cudaError_t code; const char *name, *text; };
const ErrorText ERRORS[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidSymbol, "cudaErrorInvalidSymbol", "invalid device symbol"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable", "CUDA-capable device(s) is/are busy or unavailable"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorSymbolNotFound, "cudaErrorSymbolNotFound", "named symbol not found"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit", "operation would make the legacy stream depend on a capturing blocking stream"},
};
}  // namespace
API const char *cudaGetErrorName(cudaError_t e) { for (auto &x : ERRORS) if (x.code == e) return x.name; return "cudaErrorUnknown"; }
API const char *cudaGetErrorString(cudaError_t e) { for (auto &x : ERRORS) if (x.code == e) return x.text; return "unknown error"; }
API cudaError_t cudaGetLastError() { cudaError_t e = last; last = state().sticky; return e; }
API cudaError_t cudaPeekAtLastError() { return last; }
