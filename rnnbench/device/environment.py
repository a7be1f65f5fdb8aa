"""Environment variables that change what torch and its libraries compute, or how fast."""

import os

VARIABLES = (
    *("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"),
    *("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "MKL_DYNAMIC", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OMP_DYNAMIC", "OMP_WAIT_POLICY"),
    *("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "KMP_BLOCKTIME", "LD_PRELOAD", "MALLOC_ARENA_MAX"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "CUDA_DEVICE_MAX_CONNECTIONS", "CUBLAS_WORKSPACE_CONFIG"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT", "PYTORCH_ALLOC_CONF"),
    *("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_NO_CUDA_MEMORY_CACHING", "TORCHDYNAMO_DISABLE", "TORCH_COMPILE_DISABLE"),
    *("TORCHINDUCTOR_MAX_AUTOTUNE", "TORCHINDUCTOR_FREEZING"),
)
_ONEDNN = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")
_IEEE = ("STRICT", "DEFAULT", "")


def stated() -> dict[str, str]:
    """Those that are set, with their values."""
    return {name: value for name in VARIABLES if (value := os.environ.get(name)) is not None}


def cautions() -> list[str]:
    """What the variables do to the type of a product, whatever precision its case names. No setting of torch's undoes it."""
    found = stated()
    told = [
        f"{name}={mode} is set: oneDNN may compute fp32 products in {'a shorter type' if mode.upper() == 'ANY' else mode.lower()}"
        for name in _ONEDNN
        if (mode := found.get(name, "")).upper() not in _IEEE
    ]
    if (override := found.get("NVIDIA_TF32_OVERRIDE")) is not None:
        may = "never use" if override == "0" else "may use"
        told.append(f"NVIDIA_TF32_OVERRIDE={override} is set: cuBLAS and cuDNN {may} TF32 for fp32 products")
    return told
