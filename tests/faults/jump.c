/* A wall clock that jumps a day ahead and back, every two seconds: LD_PRELOAD it. The monotonic clock is left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, at);
    if (id == CLOCK_REALTIME && at->tv_sec / 2 % 2) at->tv_sec += 86400;
    return result;
}
