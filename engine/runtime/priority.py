"""Threads that stand back when others want the processor."""

import os
import sys
import threading

_NICE = 10


def stand_back() -> None:
    """Let the kernel prefer other threads to the calling one and to all that it starts from now on.

    Linux only, where each thread has a niceness of its own and hands it on; elsewhere nothing happens. Nothing is
    slower while a processor is free.
    """
    if sys.platform == "linux":
        own = threading.get_native_id()
        # A program that was started with less priority still may not take more, and shall not.
        os.setpriority(os.PRIO_PROCESS, own, max(_NICE, os.getpriority(os.PRIO_PROCESS, own)))
