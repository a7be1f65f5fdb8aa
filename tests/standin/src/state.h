// The state of the runtime stand-in, which its source files share. One lock guards all of it.
#pragma once
#include "standin.h"

#include <cuda_runtime_api.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

struct Node { std::string name; double seconds; std::function<void()> act; bool kernel; };
struct CUgraph_st { std::vector<Node> nodes; int device = 0; std::set<cudaUserObject_t> held; };
struct CUgraphExec_st { std::vector<Node> nodes; int device = 0; };
struct CUuserObject_st { void *ptr; cudaHostFn_t destroy; int count; };
struct Capture { uint64_t id; cudaGraph_t graph; bool broken; cudaStreamCaptureMode mode; cudaStream_t origin; long thread; };
struct CUstream_st { int device; bool blocking; int priority; uint64_t busy_until; Capture *capture; int number; };
struct CUevent_st { bool timing; bool recorded = false; uint64_t done_at = 0; int device = 0; Capture *capture = nullptr; };
struct Kernel { std::string mangled, name; };
struct Block { size_t size; int device; };  // device -1: pinned host memory

struct State {
    std::recursive_mutex lock;
    std::unordered_map<const void *, Kernel *> kernels;
    std::unordered_map<std::string, void *> kernels_by_name;
    std::unordered_map<const void *, std::pair<void *, size_t>> symbols;
    std::map<uintptr_t, Block> blocks;
    std::vector<size_t> used;  // bytes by device
    std::vector<cudaStream_t> streams, defaults;
    std::set<Capture *> captures;
    uint64_t next_capture = 1;
    int next_stream = 1;
    bool initialised = false;
    int log = -1;
    int devices = 1;
    size_t memory = 80ull << 30;
    double kernel_s = 2e-6, launch_s = 0;
    cudaError_t sticky = cudaSuccess;  // an error after which every call fails, until the process ends
};

constexpr size_t CONTEXT_BYTES = 512ull << 20;
extern std::atomic<bool> forked;
extern thread_local int current;
extern thread_local cudaError_t last;
extern thread_local cudaStreamCaptureMode capture_mode;

using Lock = std::lock_guard<std::recursive_mutex>;
State &state();
long thread_id();
void wait_until(uint64_t when_ns);
cudaError_t failed(cudaError_t error);              // remembers an error for cudaGetLastError
cudaError_t ready(const char *call, bool log = true);  // every call that needs a context begins here
cudaError_t unsafe(const char *call);               // breaks the captures that forbid this call
cudaStream_t stream_of(cudaStream_t s);
cudaError_t enqueue(const std::string &name, double seconds, cudaStream_t on, std::function<void()> act, bool kernel);
#define READY(...) do { if (cudaError_t e_ = ready(__func__ __VA_OPT__(,) __VA_ARGS__)) return e_; } while (0)
