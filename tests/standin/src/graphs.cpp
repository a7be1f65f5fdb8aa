// Captures and graphs. A graph is the list of what its capture recorded; a replay puts each item on the stream again, values apart.
#include "state.h"

#include <algorithm>

static cudaError_t begin(cudaStream_t on, cudaGraph_t graph, cudaStreamCaptureMode how) {
    READY(false);
    Lock l(state().lock);
    uintptr_t v = reinterpret_cast<uintptr_t>(on);
    if (v <= 2) return failed(cudaErrorStreamCaptureUnsupported);  // the legacy stream cannot capture
    if (on->capture) return failed(cudaErrorIllegalState);
    on->capture = new Capture{state().next_capture++, graph ? graph : new CUgraph_st, false, how, on, thread_id()};
    on->capture->graph->device = on->device;
    state().captures.insert(on->capture);
    standin_log("capture begins", "device=%d stream=%d mode=%d graph=%p", on->device, on->number, int(how), (void *)on->capture->graph);
    return cudaSuccess;
}
API cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode how) { return begin(s, nullptr, how); }
API cudaError_t cudaStreamBeginCaptureToGraph(cudaStream_t s, cudaGraph_t g, const cudaGraphNode_t *, const cudaGraphEdgeData *, size_t, cudaStreamCaptureMode how) { return begin(s, g, how); }
API cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g) {
    READY(false);
    Lock l(state().lock);
    if (reinterpret_cast<uintptr_t>(s) <= 2 || !s->capture) return failed(cudaErrorIllegalState);
    Capture *c = s->capture;
    standin_log("capture ends", "device=%d stream=%d graph=%p nodes=%zu broken=%d", s->device, s->number, (void *)c->graph, c->graph->nodes.size(), c->broken);
    for (cudaStream_t o : state().streams) if (o->capture == c) o->capture = nullptr;
    for (cudaStream_t o : state().defaults) if (o->capture == c) o->capture = nullptr;
    state().captures.erase(c);
    *g = c->broken ? nullptr : c->graph;
    return c->broken ? failed(cudaErrorStreamCaptureInvalidated) : cudaSuccess;
}
API cudaError_t cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus *status) {
    READY(false);
    Capture *c = stream_of(s)->capture;
    *status = !c ? cudaStreamCaptureStatusNone : c->broken ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}
API cudaError_t cudaStreamGetCaptureInfo(cudaStream_t s, cudaStreamCaptureStatus *status, unsigned long long *id, cudaGraph_t *graph, const cudaGraphNode_t **deps, const cudaGraphEdgeData **edges, size_t *n) {
    Capture *c = stream_of(s)->capture;
    if (id) *id = c ? c->id : 0;
    if (graph) *graph = c ? c->graph : nullptr;
    if (deps) *deps = nullptr;
    if (edges) *edges = nullptr;
    if (n) *n = 0;
    return cudaStreamIsCapturing(s, status);
}
API cudaError_t cudaStreamUpdateCaptureDependencies(cudaStream_t, cudaGraphNode_t *, const cudaGraphEdgeData *, size_t, unsigned) { READY(); return cudaSuccess; }
API cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode *m) { READY(false); std::swap(*m, capture_mode); return cudaSuccess; }
API cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *, size_t *n) { READY(); *n = g->nodes.size(); return cudaSuccess; }
API cudaError_t cudaGraphNodeGetDependencies(cudaGraphNode_t, cudaGraphNode_t *, cudaGraphEdgeData *, size_t *n) { READY(); *n = 0; return cudaSuccess; }
API cudaError_t cudaGraphAddNode(cudaGraphNode_t *, cudaGraph_t, const cudaGraphNode_t *, const cudaGraphEdgeData *, size_t, cudaGraphNodeParams *) { READY(); return failed(cudaErrorNotSupported); }
API cudaError_t cudaGraphConditionalHandleCreate(cudaGraphConditionalHandle *, cudaGraph_t, unsigned, unsigned) { READY(); return failed(cudaErrorNotSupported); }
API cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long) {
    READY(false);
    *x = new CUgraphExec_st{g->nodes, g->device};
    standin_log("graph instantiated", "device=%d graph=%p exec=%p nodes=%zu", g->device, (void *)g, (void *)*x, g->nodes.size());
    return cudaSuccess;
}
API cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s) {
    READY(false);
    cudaStream_t on = stream_of(s);
    standin_log("graph launched", "device=%d stream=%d exec=%p nodes=%zu", x->device, on->number, (void *)x, x->nodes.size());
    if (on->device != x->device) return failed(cudaErrorInvalidValue);
    for (Node &n : x->nodes) if (cudaError_t e = enqueue(n.name, n.seconds, s, n.act, n.kernel)) return e;
    return cudaSuccess;
}
API cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x) { READY(); delete x; return cudaSuccess; }
API cudaError_t cudaUserObjectRelease(cudaUserObject_t o, unsigned n) {
    READY();
    if ((o->count -= n) <= 0) { o->destroy(o->ptr); delete o; }
    return cudaSuccess;
}
API cudaError_t cudaGraphDestroy(cudaGraph_t g) {
    READY();
    for (cudaUserObject_t o : g->held) cudaUserObjectRelease(o, 1);
    delete g;
    return cudaSuccess;
}
API cudaError_t cudaUserObjectCreate(cudaUserObject_t *o, void *p, cudaHostFn_t destroy, unsigned count, unsigned) { READY(); *o = new CUuserObject_st{p, destroy, int(count)}; return cudaSuccess; }
API cudaError_t cudaGraphRetainUserObject(cudaGraph_t g, cudaUserObject_t o, unsigned, unsigned flags) {
    READY();
    if (!(flags & cudaGraphUserObjectMove)) o->count++;
    g->held.insert(o);
    return cudaSuccess;
}
