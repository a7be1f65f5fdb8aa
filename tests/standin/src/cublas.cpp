// cuBLAS and cublasLt: products compute nothing and take the time of their operations; the log has their sizes, formats and modes.
#include "standin.h"

#include <cstdio>
#include <cstring>
#include <string>

namespace {
struct Handle { void *stream = nullptr; int math = 0, pointer = 0; };
const char *format(int t) {
    switch (t) { case 0: return "fp32"; case 1: return "fp64"; case 2: return "fp16"; case 14: return "bf16"; case 3: return "int8"; case 10: return "int32"; case 28: return "e4m3"; default: return "?"; }
}
double rate(int type, int compute, int math) {
    if (type == 2 || type == 14) return 700e12;
    if (type == 1) return 60e12;
    return compute == 77 || (math & 15) == 3 ? 400e12 : 50e12;
}
int product(Handle *h, const char *call, int ta, int tb, int64_t m, int64_t n, int64_t k, int a, int b, int c, int compute, int64_t batch) {
    standin_log("gemm", "call=%s ta=%d tb=%d m=%ld n=%ld k=%ld batch=%ld a=%s b=%s c=%s compute=%d math=%d", call, ta, tb, (long)m, (long)n, (long)k,
                (long)batch, format(a), format(b), format(c), compute, h->math);
    return standin_work((std::string("standin_gemm_") + format(a)).c_str(), 2e-6 + 2.0 * m * n * k * batch / rate(a, compute, h->math), h->stream);
}
}  // namespace

#if defined(CUBLAS)
API int cublasCreate_v2(Handle **h) { *h = new Handle; standin_log("cublasCreate", "%s", ""); return 0; }
API int cublasDestroy_v2(Handle *h) { delete h; return 0; }
API int cublasSetStream_v2(Handle *h, void *s) { h->stream = s; return 0; }
API int cublasSetMathMode(Handle *h, int m) { h->math = m; return 0; }
API int cublasGetMathMode(Handle *h, int *m) { *m = h->math; return 0; }
API int cublasSetPointerMode_v2(Handle *h, int m) { h->pointer = m; return 0; }
API int cublasGetPointerMode_v2(Handle *h, int *m) { *m = h->pointer; return 0; }

API int cublasGemmEx(Handle *h, int ta, int tb, int m, int n, int k, const void *, const void *, int at, int, const void *, int bt, int,
                     const void *, void *, int ct, int, int compute, int) {
    return product(h, __func__, ta, tb, m, n, k, at, bt, ct, compute, 1);
}
API int cublasGemmStridedBatchedEx(Handle *h, int ta, int tb, int m, int n, int k, const void *, const void *, int at, int, long long, const void *,
                                   int bt, int, long long, const void *, void *, int ct, int, long long, int batch, int compute, int) {
    return product(h, __func__, ta, tb, m, n, k, at, bt, ct, compute, batch);
}
#define GEMM(X, type) \
    API int cublas##X##gemm_v2(Handle *h, int ta, int tb, int m, int n, int k, const void *, const void *, int, const void *, int, const void *, void *, int) { \
        return product(h, __func__, ta, tb, m, n, k, type, type, type, -1, 1); } \
    API int cublas##X##gemmStridedBatched(Handle *h, int ta, int tb, int m, int n, int k, const void *, const void *, int, long long, const void *, int, long long, \
                                          const void *, void *, int, long long, int batch) { \
        return product(h, __func__, ta, tb, m, n, k, type, type, type, -1, batch); } \
    API int cublas##X##gemv_v2(Handle *h, int t, int m, int n, const void *, const void *, int, const void *, int, const void *, void *, int) { \
        return product(h, __func__, t, 0, m, 1, n, type, type, type, -1, 1); }
GEMM(S, 0)
GEMM(D, 1)
API int cublasSgemmEx(Handle *h, int ta, int tb, int m, int n, int k, const void *, const void *, int at, int, const void *, int bt, int, const void *, void *, int ct, int) {
    return product(h, __func__, ta, tb, m, n, k, at, bt, ct, 68, 1);
}
#else
namespace {
struct Layout { int type; uint64_t rows, cols; int64_t ld; int32_t batch = 1; };
struct Desc { int compute, scale; int32_t ta = 0, tb = 0; uint32_t epilogue = 1; };
struct Result { uint64_t algo[8]; size_t workspace; int state; float waves; int reserved[4]; };
}  // namespace
API int cublasLtMatmulDescCreate(Desc **d, int compute, int scale) { *d = new Desc{compute, scale}; return 0; }
API int cublasLtMatmulDescDestroy(Desc *d) { delete d; return 0; }
API int cublasLtMatmulDescSetAttribute(Desc *d, int what, const void *v, size_t) {
    if (what == 3) memcpy(&d->ta, v, 4);
    if (what == 4) memcpy(&d->tb, v, 4);
    if (what == 7) memcpy(&d->epilogue, v, 4);
    return 0;
}
API int cublasLtMatrixLayoutCreate(Layout **l, int type, uint64_t rows, uint64_t cols, int64_t ld) { *l = new Layout{type, rows, cols, ld}; return 0; }
API int cublasLtMatrixLayoutDestroy(Layout *l) { delete l; return 0; }
API int cublasLtMatrixLayoutSetAttribute(Layout *l, int what, const void *v, size_t) { if (what == 5) memcpy(&l->batch, v, 4); return 0; }
API int cublasLtMatmulPreferenceCreate(void **p) { *p = new char; return 0; }
API int cublasLtMatmulPreferenceDestroy(void *p) { delete static_cast<char *>(p); return 0; }
API int cublasLtMatmulPreferenceSetAttribute(void *, int, const void *, size_t) { return 0; }
API int cublasLtMatmulAlgoGetHeuristic(void *, Desc *, Layout *, Layout *, Layout *, Layout *, void *, int wanted, Result *results, int *returned) {
    memset(results, 0, sizeof(Result) * wanted);
    *returned = 1;
    return 0;
}
API size_t cublasLtGetVersion() { return 130100; }
API int cublasLtMatmul(Handle *, Desc *d, const void *, const void *, Layout *a, const void *, Layout *b, const void *, const void *, Layout *, void *, Layout *c, const void *, void *, size_t, void *stream) {
    Handle h;
    h.stream = stream;
    return product(&h, d->epilogue == 1 ? "cublasLtMatmul" : "cublasLtMatmul+epilogue", d->ta, d->tb, c->rows, c->cols, d->ta ? a->rows : a->cols, a->type, b->type, c->type, d->compute, c->batch);
}
#endif
