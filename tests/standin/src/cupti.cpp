// CUPTI's activity interface: what ran on the stand-in's streams, as records for PyTorch's profiler (Kineto).
#include "standin.h"

#include <cupti.h>
#include <pthread.h>

#include <algorithm>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace {
struct Run { const char *name; int device; uint32_t stream, thread, correlation; uint64_t start, end, called, returned; std::vector<std::pair<int, uint64_t>> outside; };
std::mutex lock;
std::deque<Run> runs;
std::set<int> enabled;
std::set<std::string> names;
std::map<int, std::vector<uint64_t>> outside;  // by kind: the ids that PyTorch pushed
CUpti_BuffersCallbackRequestFunc requested;
CUpti_BuffersCallbackCompleteFunc completed;
CUpti_TimestampCallbackFunc clock_of;
uint64_t clock_then, ns_then;

struct Buffer {
    uint8_t *at = nullptr;
    size_t size = 0, used = 0, most = 0;
    void need() { if (!at) requested(&at, &size, &most), used = 0; }
    template <class T> T *add(CUpti_ActivityKind kind) {
        if (at && used + sizeof(T) > size) flush();
        need();
        T *r = reinterpret_cast<T *>(at + used);
        memset(r, 0, sizeof *r);
        r->kind = kind, used += sizeof(T);
        return r;
    }
    void flush() { if (at) completed(nullptr, 0, at, size, used); at = nullptr; }
} buffer;  // asked for with the first record: Kineto flushes only what it gave out

void ran(const char *name, int device, void *stream, uint64_t start, uint64_t end, uint32_t correlation) {
    std::lock_guard<std::mutex> l(lock);
    if (!enabled.count(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) || standin_strikes("cupti")) return;
    uint64_t now = standin_now_ns();
    Run r{names.insert(name).first->c_str(), device, uint32_t(uintptr_t(stream) >> 4 & 0xffff), uint32_t(pthread_self()), correlation, start, end, std::min(start, now) - 500, now, {}};
    for (auto &[kind, ids] : outside) if (!ids.empty()) r.outside.push_back({kind, ids.back()});
    runs.push_back(r);
    buffer.need();
}

size_t size_of(int kind) {
    switch (kind) {
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL: return sizeof(CUpti_ActivityKernel9);
    case CUPTI_ACTIVITY_KIND_MEMCPY: return sizeof(CUpti_ActivityMemcpy5);
    case CUPTI_ACTIVITY_KIND_MEMSET: return sizeof(CUpti_ActivityMemset4);
    case CUPTI_ACTIVITY_KIND_RUNTIME: return sizeof(CUpti_ActivityAPI);
    case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION: return sizeof(CUpti_ActivityExternalCorrelation);
    }
    return 0;
}

template <class T> void place(T *k, const Run &r, uint64_t start, uint64_t end) {
    k->start = start, k->end = end, k->deviceId = r.device, k->contextId = 1 + r.device, k->streamId = r.stream, k->correlationId = r.correlation;
}
}  // namespace

#pragma GCC visibility push(default)
extern "C" {
CUptiResult CUPTIAPI cuptiGetVersion(uint32_t *v) { *v = CUPTI_API_VERSION; return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiGetResultString(CUptiResult, const char **s) { *s = "stand-in"; return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiGetCallbackName(CUpti_CallbackDomain, uint32_t id, const char **name) { *name = id == 211 ? "cudaLaunchKernel_v7000" : "?"; return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiSubscribe(CUpti_SubscriberHandle *s, CUpti_CallbackFunc, void *) { *s = (CUpti_SubscriberHandle)1; return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc r, CUpti_BuffersCallbackCompleteFunc c) {
    requested = r, completed = c;
    standin_watch(ran);
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc f) {
    clock_of = f, clock_then = f ? f() : 0, ns_then = standin_now_ns();
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityEnable(CUpti_ActivityKind k) { std::lock_guard<std::mutex> l(lock); enabled.insert(k); standin_log("cuptiActivityEnable", "%d", k); return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiActivityDisable(CUpti_ActivityKind k) { std::lock_guard<std::mutex> l(lock); enabled.erase(k); return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiActivityPushExternalCorrelationId(CUpti_ExternalCorrelationKind k, uint64_t id) { std::lock_guard<std::mutex> l(lock); outside[k].push_back(id); return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiActivityPopExternalCorrelationId(CUpti_ExternalCorrelationKind k, uint64_t *id) {
    std::lock_guard<std::mutex> l(lock);
    if (outside[k].empty()) return CUPTI_ERROR_QUEUE_EMPTY;
    if (id) *id = outside[k].back();
    outside[k].pop_back();
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityGetNumDroppedRecords(CUcontext, uint32_t, size_t *n) { *n = 0; return CUPTI_SUCCESS; }
CUptiResult CUPTIAPI cuptiActivityFlushAll(uint32_t) {
    std::deque<Run> some;
    { std::lock_guard<std::mutex> l(lock); some.swap(runs); }
    if (!requested || some.empty()) return CUPTI_SUCCESS;
    uint64_t ns = standin_now_ns(), ticks = clock_of ? clock_of() : ns;
    double rate = clock_of && ns > ns_then ? double(ticks - clock_then) / double(ns - ns_then) : 1;
    auto when = [&](uint64_t t) { return clock_of ? uint64_t(double(ticks) + (double(t) - double(ns)) * rate) : t; };
    Buffer &b = buffer;
    for (Run &r : some) {
        for (auto &[kind, id] : r.outside) {
            auto *x = b.add<CUpti_ActivityExternalCorrelation>(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION);
            x->externalKind = CUpti_ExternalCorrelationKind(kind), x->externalId = id, x->correlationId = r.correlation;
        }
        auto *a = b.add<CUpti_ActivityAPI>(CUPTI_ACTIVITY_KIND_RUNTIME);
        a->cbid = 211, a->start = when(r.called), a->end = when(r.returned), a->processId = getpid(), a->threadId = r.thread, a->correlationId = r.correlation;
        if (!strncmp(r.name, "Memcpy", 6)) {
            auto *k = b.add<CUpti_ActivityMemcpy5>(CUPTI_ACTIVITY_KIND_MEMCPY);
            place(k, r, when(r.start), when(r.end));
            k->copyKind = strstr(r.name, "HtoD") ? 1 : strstr(r.name, "DtoH") ? 2 : 8, k->bytes = 4;
        } else if (!strcmp(r.name, "Memset")) {
            place(b.add<CUpti_ActivityMemset4>(CUPTI_ACTIVITY_KIND_MEMSET), r, when(r.start), when(r.end));
        } else {
            auto *k = b.add<CUpti_ActivityKernel9>(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
            place(k, r, when(r.start), when(r.end));
            k->name = r.name, k->gridX = k->gridY = k->gridZ = 1, k->blockX = 128, k->blockY = k->blockZ = 1, k->registersPerThread = 32;
        }
    }
    b.flush();
    return CUPTI_SUCCESS;
}
CUptiResult CUPTIAPI cuptiActivityGetNextRecord(uint8_t *buffer, size_t valid, CUpti_Activity **record) {
    uint8_t *next = *record ? reinterpret_cast<uint8_t *>(*record) + size_of((*record)->kind) : buffer;
    if (next >= buffer + valid) return CUPTI_ERROR_MAX_LIMIT_REACHED;
    *record = reinterpret_cast<CUpti_Activity *>(next);
    return CUPTI_SUCCESS;
}
}
