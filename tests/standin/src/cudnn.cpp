// cuDNN's recurrent networks (v8 interface): passes compute nothing and take time; the log has each format and mode that they were given.
#include "standin.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {
struct Handle { void *stream = nullptr; };
struct Rnn { int algo, cell, bias, direction, input, type, precision, math; int32_t inputs, hidden, projected, layers; uint32_t flags; };
struct Data { int type, layout, steps, batch, width; };
struct Tensor { int type = 0, n = 0; int dims[8] = {}, strides[8] = {}; };
const char *CELLS[] = {"elman_relu", "elman_tanh", "lstm", "gru"};
const int GATES[] = {1, 1, 4, 3};
const char *format(int t) { return t == 0 ? "fp32" : t == 1 ? "fp64" : t == 2 ? "fp16" : t == 9 ? "bf16" : "?"; }
const char *maths(int t) { return t == 0 ? "default" : t == 1 ? "tensor_op" : t == 2 ? "tensor_op_allow_conversion" : "fma"; }
size_t bytes(int t) { return t == 1 ? 8 : t == 0 ? 4 : 2; }
int ways(const Rnn *r) { return r->direction + 1; }
int width_in(const Rnn *r, int layer) { return layer ? r->projected * ways(r) : r->inputs; }
size_t matrix(const Rnn *r, int pseudo, int id) {  // elements of one gate's matrix
    int g = GATES[r->cell];
    if (id >= 2 * g) return size_t(r->projected) * r->hidden;
    return size_t(r->hidden) * (id < g ? width_in(r, pseudo / ways(r)) : r->projected);
}
int matrices(const Rnn *r) { return 2 * GATES[r->cell] + (r->projected != r->hidden); }
size_t all_matrices(const Rnn *r) {
    size_t n = 0;
    for (int p = 0; p < r->layers * ways(r); p++) for (int i = 0; i < matrices(r); i++) n += matrix(r, p, i);
    return n;
}
size_t weights(const Rnn *r) { return (all_matrices(r) + (r->bias ? size_t(r->layers) * ways(r) * 2 * GATES[r->cell] * r->hidden : 0)) * bytes(r->type); }
void set(Tensor *t, int type, int rows, int cols) {
    *t = {type, 3, {1, rows, cols}, {rows * cols, cols, 1}};
}
int pass(const char *call, Handle *h, Rnn *r, Data *x, const char *more, double times) {
    standin_log("rnn", "call=%s cell=%s type=%s precision=%s math=%s algo=%d data=%s layers=%d ways=%d in=%d hidden=%d proj=%d steps=%d batch=%d flags=%u %s", call, CELLS[r->cell],
                format(r->type), format(r->precision), maths(r->math), r->algo, format(x->type), r->layers, ways(r), r->inputs, r->hidden, r->projected, x->steps, x->batch, r->flags, more);
    standin_arm();
    double flops = 2.0 * all_matrices(r) * x->steps * x->batch * times;
    double rate = r->type == 0 ? (r->math == 3 ? 20e12 : 100e12) : r->type == 1 ? 10e12 : 200e12;
    char name[96];
    snprintf(name, sizeof name, "standin_%s_%s_%s", call, CELLS[r->cell], format(r->type));
    return standin_work(name, 5e-6 + x->steps * 1e-6 + flops / rate, h->stream) ? 5000 : 0;
}
}  // namespace

API size_t cudnnGetVersion() { const char *v = getenv("STANDIN_CUDNN"); return v ? atoi(v) : 92400; }
API size_t cudnnGetCudartVersion() { return 13000; }
API const char *cudnnGetErrorString(int) { return "error of the cuDNN stand-in"; }
API void cudnnGetLastErrorString(char *to, size_t n) { snprintf(to, n, "error of the cuDNN stand-in"); }
API int cudnnGetProperty(int what, int *v) { size_t n = cudnnGetVersion(); *v = what == 0 ? n / 10000 : what == 1 ? n / 100 % 100 : n % 100; return 0; }
API int cudnnCreate(Handle **h) { *h = new Handle; standin_log("cudnnCreate", "%s", ""); return 0; }
API int cudnnSetStream(Handle *h, void *s) { h->stream = s; return 0; }
API int cudnnGetStream(Handle *h, void **s) { *s = h->stream; return 0; }

API int cudnnCreateTensorDescriptor(Tensor **t) { *t = new Tensor; return 0; }
API int cudnnDestroyTensorDescriptor(Tensor *t) { delete t; return 0; }
API int cudnnSetTensorNdDescriptor(Tensor *t, int type, int n, const int *dims, const int *strides) {
    t->type = type, t->n = n;
    memcpy(t->dims, dims, n * sizeof(int)), memcpy(t->strides, strides, n * sizeof(int));
    return 0;
}
API int cudnnGetTensorNdDescriptor(const Tensor *t, int wanted, int *type, int *n, int *dims, int *strides) {
    *type = t->type, *n = t->n;
    for (int i = 0; i < wanted && i < t->n; i++) dims[i] = t->dims[i], strides[i] = t->strides[i];
    return 0;
}

API int cudnnCreateDropoutDescriptor(float **d) { *d = new float(0); return 0; }
API int cudnnDestroyDropoutDescriptor(float *d) { delete d; return 0; }
API int cudnnDropoutGetStatesSize(Handle *, size_t *n) { *n = 1 << 20; return 0; }
API int cudnnSetDropoutDescriptor(float *d, Handle *, float p, void *, size_t, unsigned long long) { *d = p; return 0; }
API int cudnnRestoreDropoutDescriptor(float *d, Handle *, float p, void *, size_t, unsigned long long) { *d = p; return 0; }

API int cudnnCreateRNNDescriptor(Rnn **r) { *r = new Rnn(); return 0; }
API int cudnnDestroyRNNDescriptor(Rnn *r) { delete r; return 0; }
API int cudnnSetRNNDescriptor_v8(Rnn *r, int algo, int cell, int bias, int direction, int input, int type, int precision, int math, int32_t inputs, int32_t hidden, int32_t projected, int32_t layers, void *, uint32_t flags) {
    *r = {algo, cell, bias, direction, input, type, precision, math, inputs, hidden, projected, layers, flags};
    return 0;
}
API int cudnnCreateRNNDataDescriptor(Data **d) { *d = new Data(); return 0; }
API int cudnnDestroyRNNDataDescriptor(Data *d) { delete d; return 0; }
API int cudnnSetRNNDataDescriptor(Data *d, int type, int layout, int steps, int batch, int width, const int *, void *) { *d = {type, layout, steps, batch, width}; return 0; }
API int cudnnGetRNNWeightSpaceSize(Handle *, Rnn *r, size_t *n) { *n = weights(r); return 0; }
API int cudnnGetRNNTempSpaceSizes(Handle *, Rnn *r, int mode, Data *x, size_t *work, size_t *reserve) {
    size_t one = size_t(x->steps) * x->batch * r->hidden * ways(r) * bytes(r->type);
    if (work) *work = one * (GATES[r->cell] + 1) + (1 << 16);
    if (reserve) *reserve = mode ? one * (GATES[r->cell] + 2) * r->layers : 0;
    return 0;
}
API int cudnnGetRNNWeightParams(Handle *, Rnn *r, int32_t pseudo, size_t, const char *space, int32_t id, Tensor *m, void **m_at, Tensor *b, void **b_at) {
    Tensor unasked;
    void *nowhere;
    m = m ? m : &unasked, b = b ? b : &unasked;  // PyTorch asks for one of the two
    m_at = m_at ? m_at : &nowhere, b_at = b_at ? b_at : &nowhere;
    *m_at = *b_at = nullptr;
    m->n = b->n = 0;
    if (id >= matrices(r)) return 0;
    size_t at = 0;
    for (int p = 0; p < pseudo; p++) for (int i = 0; i < matrices(r); i++) at += matrix(r, p, i);
    for (int i = 0; i < id; i++) at += matrix(r, pseudo, i);
    int g = GATES[r->cell];
    int rows = id < 2 * g ? r->hidden : r->projected;
    set(m, r->type, rows, int(matrix(r, pseudo, id) / rows));
    *m_at = const_cast<char *>(space) + at * bytes(r->type);
    if (r->bias && id < 2 * g) {
        set(b, r->type, r->hidden, 1);
        *b_at = const_cast<char *>(space) + (all_matrices(r) + (size_t(pseudo) * 2 * g + id) * r->hidden) * bytes(r->type);
    }
    return 0;
}
API int cudnnRNNForward(Handle *h, Rnn *r, int mode, const int32_t *, Data *x, const void *, Data *, void *, Tensor *, const void *, void *, Tensor *, const void *, void *, size_t, const void *, size_t, void *, size_t, void *) {
    return pass("RNNForward", h, r, x, mode ? "mode=train" : "mode=infer", 1);
}
API int cudnnRNNBackwardData_v8(Handle *h, Rnn *r, const int32_t *, Data *, const void *, const void *, Data *x, void *, Tensor *, const void *, const void *, void *, Tensor *, const void *, const void *, void *, size_t, const void *, size_t, void *, size_t, void *) {
    return pass("RNNBackwardData", h, r, x, "", 1);
}
API int cudnnRNNBackwardWeights_v8(Handle *h, Rnn *r, int, const int32_t *, Data *x, const void *, Tensor *, const void *, Data *, const void *, size_t, void *, size_t, void *, size_t, void *) {
    return pass("RNNBackwardWeights", h, r, x, "", 1);
}

// ---- the backend interface (convolutions, attention): every plan exists and does nothing ----

API int cudnnBackendCreateDescriptor(int type, void **d) { *d = new int(type); return 0; }
API int cudnnBackendDestroyDescriptor(void *d) { delete static_cast<int *>(d); return 0; }
API int cudnnBackendGetAttribute(void *, int, int type, int64_t wanted, int64_t *n, void *values) {
    bool one = type == 3 || type == 15;  // a number is 0; a descriptor stays as given
    if (n) *n = one;
    if (type == 3 && wanted > 0 && values) *static_cast<int64_t *>(values) = 0;
    return 0;
}
API int cudnnBackendExecute(Handle *h, void *, void *) {
    standin_log("cudnn plan", "%s", "");
    return standin_work("standin_cudnn_plan", 5e-6, h->stream);
}
