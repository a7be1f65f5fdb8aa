// Fault injection. STANDIN_FAULT=KIND@N strikes at the Nth event of its kind in a process (from 1); N is 1 where none is given.
//
//   oom      the Nth cudaMalloc and the next find no memory: PyTorch frees its cache and tries again, so one refusal is not enough
//   illegal  the Nth kernel reads a forbidden address: cudaErrorIllegalAddress, and every later call of the process fails with it
//   lost     at the Nth kernel the device falls off the bus: cudaErrorDevicesUnavailable, in every later process too if STANDIN_FAULT_ONCE is set
//   peer     the process that makes the Nth NCCL collective on a rank other than 0 dies before it takes part
//   cupti    CUPTI gives no record at all
//
// Allocations and kernels count from a process's first cuDNN pass on: what only measures the machine is spared.
// STANDIN_FAULT_ONCE=FILE: only the first process to get there is struck; it leaves FILE behind.
#include "standin.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace {
std::atomic<long> events{0};
std::atomic<bool> struck{false}, armed{false};

bool first_of_all() {
    const char *file = getenv("STANDIN_FAULT_ONCE");
    if (!file) return true;
    int made = open(file, O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (made >= 0) close(made);
    return made >= 0;
}
}  // namespace

API void standin_arm() { armed = true; }

API int standin_strikes(const char *kind) {
    const char *fault = getenv("STANDIN_FAULT");
    size_t length = strlen(kind);
    if (!fault || strncmp(fault, kind, length) || (fault[length] && fault[length] != '@')) return 0;
    if (!strcmp(kind, "cupti")) return 1;
    if (!armed && strcmp(kind, "peer")) return 0;
    long wanted = fault[length] ? atol(fault + length + 1) : 1, now = ++events;
    if (struck) return !strcmp(kind, "oom") && now == wanted + 1;
    if (now != wanted || !first_of_all()) return 0;
    struck = true;
    standin_log("fault", "%s", fault);
    return 1;
}
