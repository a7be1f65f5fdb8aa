// NCCL between processes of one machine. A collective meets its peers in shared memory, at once and on the host, and takes time on its stream.
//
//   STANDIN_NCCL_TIMEOUT  seconds after which a missing peer is an error (60)
#include "standin.h"

#include <cuda_runtime_api.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {
constexpr size_t SLOT = 64u << 20;  // bytes of one rank's part, in which it shows what it brings
struct Shared { std::atomic<int> arrived, turn; };
struct Id { char bytes[128]; };
struct Comm { int rank, size, device; Shared *shared; char *slots; };
size_t width(int t) { return t < 2 || t > 9 ? 1 : t == 6 || t == 9 ? 2 : t == 2 || t == 3 || t == 7 ? 4 : 8; }

bool meet(Comm *c) {
    static const char *limit = getenv("STANDIN_NCCL_TIMEOUT");
    static const long patience = limit ? atol(limit) : 60;
    int turn = c->shared->turn;
    if (++c->shared->arrived == c->size) { c->shared->arrived = 0; c->shared->turn++; return true; }
    for (long tries = 0; c->shared->turn == turn; tries++) {
        if (tries > patience * 20000) return false;
        usleep(50);
    }
    return true;
}
struct Bf16 {
    uint16_t bits;
    Bf16(float f) { uint32_t u; memcpy(&u, &f, 4); bits = uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16); }
    operator float() const { uint32_t u = uint32_t(bits) << 16; float f; memcpy(&f, &u, 4); return f; }
};
template <class T> void reduce(Comm *c, void *to, size_t n, int op) {
    T *out = static_cast<T *>(to);
    for (size_t i = 0; i < n; i++) {
        T all = reinterpret_cast<T *>(c->slots)[i];
        for (int r = 1; r < c->size; r++) {
            T one = reinterpret_cast<T *>(c->slots + r * SLOT)[i];
            all = op == 1 ? T(all * one) : op == 2 ? (one > all ? one : all) : op == 3 ? (one < all ? one : all) : T(all + one);
        }
        out[i] = op == 4 ? T(all / c->size) : all;
    }
}
enum What { ALL_REDUCE, ALL_GATHER, BROADCAST };
int collective(What what, Comm *c, const void *from, void *to, size_t n, int type, int op, cudaStream_t s) {
    static const char *names[] = {"AllReduce", "AllGather", "Broadcast"};
    size_t bytes = n * width(type);
    standin_log("nccl", "call=%s rank=%d of=%d device=%d type=%d bytes=%zu", names[what], c->rank, c->size, c->device, type, bytes);
    if (bytes > SLOT) return 3;
    if (c->rank && standin_strikes("peer")) _exit(1);
    memcpy(c->slots + c->rank * SLOT, from, bytes);
    if (!meet(c)) return 6;
    if (what == ALL_GATHER) for (int r = 0; r < c->size; r++) memcpy(static_cast<char *>(to) + r * bytes, c->slots + r * SLOT, bytes);
    else if (what == BROADCAST) memcpy(to, c->slots + op * SLOT, bytes);
    else if (type == 7) reduce<float>(c, to, n, op);
    else if (type == 8) reduce<double>(c, to, n, op);
    else if (type == 4) reduce<int64_t>(c, to, n, op);
    else if (type == 2) reduce<int32_t>(c, to, n, op);
    else if (type < 2) reduce<uint8_t>(c, to, n, op);
    else if (type == 9) reduce<Bf16>(c, to, n, op);
    else return 4;  // fp16: DDP reduces the gradients of fp32 weights, or of bf16 ones
    if (!meet(c)) return 6;
    return standin_work((std::string("ncclDevKernel_") + names[what]).c_str(), 5e-6 + bytes / 3e11, s) ? 1 : 0;
}
}  // namespace

API int ncclGetVersion(int *v) { *v = 23007; return 0; }
API int ncclGetUniqueId(Id *id) {
    memset(id, 0, sizeof *id);
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(id->bytes, sizeof id->bytes, "/standin-nccl-%d-%ld", getpid(), t.tv_nsec);
    return 0;
}
API const char *ncclGetErrorString(int) { return "error of the NCCL stand-in"; }
API const char *ncclGetLastError(void *) { return ""; }
API int ncclCommInitRankConfig(Comm **out, int size, Id id, int rank, void *) {
    int device;
    cudaGetDevice(&device);
    int file = shm_open(id.bytes, O_RDWR | O_CREAT, 0600);
    size_t whole = 4096 + SLOT * size;
    if (file < 0 || ftruncate(file, whole)) return 2;
    char *at = static_cast<char *>(mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
    Comm *c = *out = new Comm{rank, size, device, reinterpret_cast<Shared *>(at), at + 4096};
    standin_log("nccl", "call=CommInit rank=%d of=%d device=%d", rank, size, device);
    if (!meet(c)) return 6;
    if (!rank) shm_unlink(id.bytes);
    return 0;
}
API int ncclCommInitRank(Comm **c, int size, Id id, int rank) { return ncclCommInitRankConfig(c, size, id, rank, nullptr); }
API int ncclCommGetAsyncError(Comm *, int *e) { *e = 0; return 0; }
API int ncclCommCount(Comm *c, int *n) { *n = c->size; return 0; }
API int ncclCommUserRank(Comm *c, int *n) { *n = c->rank; return 0; }
API int ncclCommCuDevice(Comm *c, int *n) { *n = c->device; return 0; }
API int ncclAllReduce(const void *a, void *b, size_t n, int t, int op, Comm *c, cudaStream_t s) { return collective(ALL_REDUCE, c, a, b, n, t, op, s); }
API int ncclBroadcast(const void *a, void *b, size_t n, int t, int root, Comm *c, cudaStream_t s) { return collective(BROADCAST, c, a, b, n, t, root, s); }
API int ncclAllGather(const void *a, void *b, size_t n, int t, Comm *c, cudaStream_t s) { return collective(ALL_GATHER, c, a, b, n, t, 0, s); }
