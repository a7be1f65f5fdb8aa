/* The NVML stand-in of tests/nvml, with the functions that PyTorch calls beside ours. */
#define DEVICES 1 /* as the runtime's */
#include "../../nvml/standin.c"

int nvmlInit(void) { return nvmlInitWithFlags(0); }
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, Device **device) { /* cudaDeviceGetPCIBusId counts from 1b */
    unsigned bus = (unsigned)strtoul(strchr(id, ':') + 1, NULL, 16);
    return nvmlDeviceGetHandleByIndex_v2(bus - 0x1b, device);
}
int nvmlDeviceGetComputeRunningProcesses(Device *device, unsigned *count, Process *found) {
    return nvmlDeviceGetComputeRunningProcesses_v3(device, count, found);
}
int nvmlDeviceGetNvLinkRemoteDeviceType(Device *device, unsigned link, int *type) { (void)device, (void)link, (void)type; return NOT_SUPPORTED; }
int nvmlDeviceGetNvLinkRemotePciInfo_v2(Device *device, unsigned link, void *pci) { (void)device, (void)link, (void)pci; return NOT_SUPPORTED; }
int nvmlDeviceGetP2PStatus(Device *device, Device *other, int index, int *status) { (void)device, (void)other, (void)index; *status = 0; return OK; }
int nvmlDeviceGetGpuFabricInfoV(Device *device, void *info) { (void)device, (void)info; return NOT_SUPPORTED; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return OK; }
