// Streams and events. A stream knows until when it is busy; an event remembers when its stream will get there.
#include "state.h"

API cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int priority) {
    READY(false);
    Lock l(state().lock);
    *s = new CUstream_st{current, !(flags & cudaStreamNonBlocking), priority, 0, nullptr, state().next_stream++};
    state().streams.push_back(*s);
    standin_log("cudaStreamCreate", "device=%d stream=%d", current, (*s)->number);
    return cudaSuccess;
}
API cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags) { return cudaStreamCreateWithPriority(s, flags, 0); }
API cudaError_t cudaStreamCreate(cudaStream_t *s) { return cudaStreamCreateWithPriority(s, 0, 0); }
API cudaError_t cudaStreamDestroy(cudaStream_t) { READY(); return cudaSuccess; }
API cudaError_t cudaStreamGetPriority(cudaStream_t s, int *p) { READY(false); *p = stream_of(s)->priority; return cudaSuccess; }
API cudaError_t cudaStreamQuery(cudaStream_t s) {
    READY();
    if (stream_of(s)->capture) return unsafe(__func__);
    return standin_now_ns() >= stream_of(s)->busy_until ? cudaSuccess : failed(cudaErrorNotReady);
}
API cudaError_t cudaStreamSynchronize(cudaStream_t s) {
    READY(false);
    standin_log("cudaStreamSynchronize", "stream=%d", stream_of(s)->number);
    if (cudaError_t e = unsafe(__func__)) return e;
    wait_until(stream_of(s)->busy_until);
    return cudaSuccess;
}
API cudaError_t cudaStreamWaitEvent(cudaStream_t on, cudaEvent_t e, unsigned) {
    READY(false);
    Lock l(state().lock);
    cudaStream_t s = stream_of(on);
    standin_log("cudaStreamWaitEvent", "stream=%d", s->number);
    if (e->capture && state().captures.count(e->capture)) s->capture = e->capture;  // joins the capture
    else if (!s->capture) s->busy_until = std::max(s->busy_until, e->done_at);
    return cudaSuccess;
}
API cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags) {
    READY(false);
    *e = new CUevent_st{!(flags & cudaEventDisableTiming)};
    return cudaSuccess;
}
API cudaError_t cudaEventCreate(cudaEvent_t *e) { return cudaEventCreateWithFlags(e, 0); }
API cudaError_t cudaEventDestroy(cudaEvent_t e) { READY(false); delete e; return cudaSuccess; }
API cudaError_t cudaEventRecordWithFlags(cudaEvent_t e, cudaStream_t on, unsigned) {
    READY(false);
    Lock l(state().lock);
    cudaStream_t s = stream_of(on);
    standin_log("cudaEventRecord", "stream=%d timing=%d", s->number, e->timing);
    e->recorded = true, e->device = s->device, e->capture = s->capture;
    e->done_at = std::max(standin_now_ns(), s->busy_until);
    return cudaSuccess;
}
API cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) { return cudaEventRecordWithFlags(e, s, 0); }
API cudaError_t cudaEventQuery(cudaEvent_t e) {
    READY(false);
    if (cudaError_t x = unsafe(__func__)) return x;
    return standin_now_ns() >= e->done_at ? cudaSuccess : failed(cudaErrorNotReady);
}
API cudaError_t cudaEventSynchronize(cudaEvent_t e) {
    READY();
    if (cudaError_t x = unsafe(__func__)) return x;
    wait_until(e->done_at);
    return cudaSuccess;
}
API cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b) {
    READY();
    if (!a->timing || !b->timing || !a->recorded || !b->recorded) return failed(cudaErrorInvalidResourceHandle);
    if (standin_now_ns() < a->done_at || standin_now_ns() < b->done_at) return failed(cudaErrorNotReady);
    *ms = (double(b->done_at) - double(a->done_at)) / 1e6;
    return cudaSuccess;
}
