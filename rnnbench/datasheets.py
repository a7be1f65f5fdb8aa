"""The ceilings of other machines from their data sheets, for `rnnbench plan --machine`."""

from dataclasses import dataclass

from rnnbench.errors import UnknownName
from rnnbench.roofline import Ceilings

LAUNCH_S = 5e-6  # not from a data sheet: what a launch commonly costs the host
_T = 1e12


@dataclass(frozen=True, slots=True)
class Machine:
    """One GPU: its memory, and its ceilings with their source."""

    name: str
    memory_bytes: int
    ceilings: Ceilings


def _gpu(name: str, gigabytes: int, gb_per_s: float, source: str, **tflops: float) -> Machine:
    rates = {precision: rate * _T for precision, rate in tflops.items()}
    if "bf16" in rates:
        rates["pure_bf16"] = rates["bf16"]  # the products are the same
    ceilings = Ceilings(
        device="cuda", flops_per_s=rates, copy_bytes_per_s=gb_per_s * 1e9, launch_s=LAUNCH_S, source=f"data sheet: {source}"
    )
    return Machine(name, gigabytes * 10**9, ceilings)


_H100, _A100 = "NVIDIA H100 Tensor Core GPU Datasheet, halved where the sheet assumes sparsity", "NVIDIA A100 Tensor Core GPU Datasheet"
_ADA = "NVIDIA Ada GPU Architecture whitepaper, appendix A: dense, products in bf16 and fp16 summed in fp32"
MACHINES = {
    "b200": _gpu(
        "NVIDIA B200 (HGX)", 180, 8000, "NVIDIA Blackwell Architecture Technical Brief, dense", fp32=80, tf32=1100, bf16=2250, fp16=2250
    ),
    "h200": _gpu(
        "NVIDIA H200 SXM",
        141,
        4800,
        "NVIDIA H200 Tensor Core GPU Datasheet, halved where the sheet assumes sparsity",
        fp32=67,
        tf32=494.5,
        bf16=989.5,
        fp16=989.5,
    ),
    "h100": _gpu("NVIDIA H100 SXM", 80, 3350, _H100, fp32=67, tf32=494.5, bf16=989.5, fp16=989.5),
    "h100-pcie": _gpu("NVIDIA H100 PCIe", 80, 2000, _H100, fp32=51, tf32=378, bf16=756.5, fp16=756.5),
    "a100": _gpu("NVIDIA A100 SXM 80 GB", 80, 2039, _A100, fp32=19.5, tf32=156, bf16=312, fp16=312),
    "a100-40gb": _gpu("NVIDIA A100 SXM 40 GB", 40, 1555, _A100, fp32=19.5, tf32=156, bf16=312, fp16=312),
    "l40s": _gpu("NVIDIA L40S", 48, 864, "NVIDIA L40S GPU Datasheet, dense", fp32=91.6, tf32=183, bf16=362.05, fp16=362.05),
    "rtx-4090": _gpu("NVIDIA GeForce RTX 4090", 24, 1008, _ADA, fp32=82.6, tf32=82.6, bf16=165.2, fp16=165.2),
    "t4": _gpu("NVIDIA T4", 16, 320, "NVIDIA T4 Tensor Core GPU Datasheet", fp32=8.1, fp16=65),
}


def machine(name: str) -> Machine:
    """The machine with this name. Raises UnknownName, which lists them all."""
    if name not in MACHINES:
        raise UnknownName("machine", name, MACHINES)
    return MACHINES[name]
