/* A libnvidia-ml.so.1 for tests: two GPUs whose counters advance. What fails is named by the environment:
 *   STANDIN_FAIL        function:code,function:code   these return the code (a name without `nvml`, for instance DeviceGetPowerUsage:4)
 *   STANDIN_LOST_AFTER  seconds after which every call on a device returns NVML_ERROR_GPU_IS_LOST
 *   STANDIN_THROTTLE    the mask of clock event reasons
 *   STANDIN_COOL_AFTER  seconds after which the mask is empty
 *   STANDIN_DEVICES     how many GPUs there are, two at most
 *   STANDIN_STILL       set: the energy counter does not move
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef DEVICES
#define DEVICES 2 /* unless STANDIN_DEVICES says otherwise */
#endif

enum { OK = 0, INVALID = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6, LOST = 15 };
typedef struct { int index; const char *uuid; unsigned watts; int part; } Device;
typedef struct { unsigned pid; unsigned long long used; unsigned instance, compute; } Process;
typedef struct { unsigned gpu, memory; } Utilization;

static Device devices[] = {
    {0, "GPU-aaaa0000-0000-0000-0000-000000000000", 300, 0},
    {1, "GPU-bbbb1111-1111-1111-1111-111111111111", 100, 0},
    {1, "MIG-cccc2222-2222-2222-2222-222222222222", 100, 1},
};
static double start;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned gpus(void) {
    const char *asked = getenv("STANDIN_DEVICES");
    return asked ? (unsigned)atoi(asked) : DEVICES;
}

static int fails(const char *name) {
    const char *after = getenv("STANDIN_LOST_AFTER"), *list = getenv("STANDIN_FAIL"), *found;
    if (strncmp(name, "DeviceGet", 9) == 0 && after && now() - start > atof(after)) return LOST;
    while (list && (found = strstr(list, name))) {
        if (found[strlen(name)] == ':') return atoi(found + strlen(name) + 1);
        list = found + 1;
    }
    return OK;
}

#define CALL(name, ...) int nvml##name(__VA_ARGS__) { int code = fails(#name); if (code) return code;
#define END return OK; }

CALL(InitWithFlags, unsigned flags) start = now(); END
CALL(Shutdown, void) END
const char *nvmlErrorString(int code) {
    switch (code) {
    case NOT_SUPPORTED: return "Not Supported";
    case NO_PERMISSION: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case 9: return "Driver Not Loaded";
    case LOST: return "GPU is lost";
    default: return "Unknown Error";
    }
}
CALL(DeviceGetCount_v2, unsigned *count) *count = gpus(); END
CALL(DeviceGetHandleByIndex_v2, unsigned index, Device **device) if (index >= gpus() || index > 1) return INVALID; *device = &devices[index]; END
CALL(DeviceGetHandleByUUID, const char *uuid, Device **device)
    for (int i = 0; i < 3; i++) if (strcmp(devices[i].uuid, uuid) == 0) { *device = &devices[i]; return OK; }
    return NOT_FOUND;
}
CALL(DeviceGetUUID, Device *device, char *uuid, unsigned length) snprintf(uuid, length, "%s", device->uuid); END
CALL(DeviceGetName, Device *device, char *name, unsigned length) snprintf(name, length, "Stand-in %d", device->index); END
CALL(DeviceGetTotalEnergyConsumption, Device *device, unsigned long long *millijoules)
    int updates = getenv("STANDIN_STILL") ? 0 : (int)((now() - start) * 10); /* ten updates a second, as the real one */
    *millijoules = 1000000ULL + (unsigned long long)updates * device->watts * 100;
END
CALL(DeviceGetPowerUsage, Device *device, unsigned *milliwatts) *milliwatts = device->watts * 1000; END
CALL(DeviceGetClockInfo, Device *device, int type, unsigned *mhz) *mhz = type == 2 ? 2619 : 1980; END
CALL(DeviceGetMaxClockInfo, Device *device, int type, unsigned *mhz) *mhz = 1980; END
CALL(DeviceGetTemperature, Device *device, int sensor, unsigned *celsius) *celsius = 55 + device->index; END
CALL(DeviceGetCurrentClocksThrottleReasons, Device *device, unsigned long long *mask)
    const char *after = getenv("STANDIN_COOL_AFTER");
    if (after && now() - start > atof(after)) { *mask = 0; return OK; }
    *mask = getenv("STANDIN_THROTTLE") ? strtoull(getenv("STANDIN_THROTTLE"), NULL, 0) : 1;
END
CALL(DeviceGetUtilizationRates, Device *device, Utilization *rates) rates->gpu = 97; rates->memory = 40; END
CALL(DeviceGetPersistenceMode, Device *device, int *mode) *mode = 0; END
CALL(DeviceGetComputeRunningProcesses_v3, Device *device, unsigned *count, Process *found)
    if (!found || *count < 2) { *count = 2; return 7; /* NVML_ERROR_INSUFFICIENT_SIZE: pynvml asks again with room */ }
    *count = 2;
    found[0] = (Process){getpid(), 123456789ULL, 0, 0};
    found[1] = (Process){1, 1000ULL, 0, 0};
END
