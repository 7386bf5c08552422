"""Which device a name stands for, and what it computes quickly."""

import torch

from engine.errors import DeviceError, UsageError

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """auto (a GPU where there is one), cpu or cuda as a torch device.

    Raises:
        DeviceError: cuda is wanted and absent.
        UsageError: another name.
    """
    if name not in DEVICES:
        raise UsageError(f"There is no device {name}", advice=f"Choose one of {', '.join(DEVICES)}")
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise DeviceError(
            "There is no usable NVIDIA GPU", advice="Choose the device cpu or auto, or mend the GPU's driver"
        )
    return torch.device("cuda" if present and name != "cpu" else "cpu")


def has_fast_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware; elsewhere bf16 is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.backends.mkldnn.enabled and torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed for want of memory; on a CPU it says so in words only."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
