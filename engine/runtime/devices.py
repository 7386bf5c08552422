"""What the user is told of the device: its name and how much memory is taken."""

import ctypes
import os
import platform
import sys
from pathlib import Path

import torch

from engine.detectors.own import device_name
from engine.runtime.protocol import DeviceStatus


def device_status(job: int, device: torch.device, precision: str) -> DeviceStatus:
    """Name and memory of a device; of a CPU, the memory of this process and of the machine. 0 where unknown."""
    name = f"{device_name(device)}, {precision}"
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return DeviceStatus(job, name, total - free, total)
    return DeviceStatus(job, name, process_memory(), machine_memory())


def process_memory() -> int:
    """Resident bytes of this process; its peak where only that can be had (macOS), 0 where nothing can."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "win32":
        return _windows_working_set()
    import resource  # there is none on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)


def return_freed_memory() -> None:
    """Give the system back what was freed: glibc keeps it for each thread, after some seeks in 1080p 350 MB.

    Takes about 20 ms; other threads of Python run meanwhile.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other libraries than glibc have none
        if trim is not None:
            trim(0)


def machine_memory() -> int:
    """Physical memory in bytes, 0 where it cannot be asked."""
    if sys.platform == "win32":
        return _windows_total()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


if sys.platform == "win32":
    from ctypes import wintypes

    class _Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            *(
                (name, ctypes.c_size_t)
                for name in (
                    "PeakWorkingSetSize",
                    "WorkingSetSize",
                    "QuotaPeakPagedPoolUsage",
                    "QuotaPagedPoolUsage",
                    "QuotaPeakNonPagedPoolUsage",
                    "QuotaNonPagedPoolUsage",
                    "PagefileUsage",
                    "PeakPagefileUsage",
                )
            ),
        )

    class _Memory(ctypes.Structure):
        """MEMORYSTATUSEX."""

        _fields_ = (
            ("dwLength", wintypes.DWORD),
            ("dwMemoryLoad", wintypes.DWORD),
            *((f"ull{number}", ctypes.c_ulonglong) for number in range(7)),
        )

    def _windows_working_set() -> int:
        counters = _Counters(cb=ctypes.sizeof(_Counters))
        process = ctypes.windll.kernel32.GetCurrentProcess
        process.restype = wintypes.HANDLE
        ask = ctypes.windll.kernel32.K32GetProcessMemoryInfo
        ask.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
        return int(counters.WorkingSetSize) if ask(process(), ctypes.byref(counters), counters.cb) else 0

    def _windows_total() -> int:
        memory = _Memory(dwLength=ctypes.sizeof(_Memory))
        found = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(memory))
        return int(memory.ull0) if found else 0
