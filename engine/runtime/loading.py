"""Importing torch beside a live window: the interpreter's lock is never held for long.

Three things would hold it, measured on two cores: loading torch's shared libraries (250 ms at a stretch), full
runs of the garbage collector over all that is imported (up to 160 ms each, later while analysing, too), and the
compiler of torch, which nobody here uses (see `engine.runtime.without_compiler`).
"""

import ctypes
import gc
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from engine.video.pyav import import_pyav

# Before torch: its threads must sleep, not spin, while they wait for each other. Beside other busy threads
# spinning made the face detector fourteen times as slow on two cores, and the window has to breathe, too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")


def load(name: str) -> ModuleType:
    """Import a module that brings torch along. Any thread; raises what the import raises."""
    if "torch" in sys.modules:
        return importlib.import_module(name)
    gc.disable()
    try:
        _load_libraries()
        import_pyav()
        return importlib.import_module(name)
    finally:
        gc.freeze()  # modules live as long as the program: the collector need not look at them again
        gc.enable()


def _load_libraries() -> None:
    """Let the dynamic linker do its work before `import torch` asks for it with the interpreter's lock held.

    In torch's own order: CUDA's libcublasLt comes before all that might find another one on the system. A failure
    is no error here: `import torch` then fails, and says why.
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None or os.name != "posix":
        return
    folder = Path(spec.origin).parent
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    dlopen = ctypes.CDLL(
        None
    ).dlopen  # called as a foreign function, it runs without the lock; ctypes.CDLL does not
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    libraries = [(path, os.RTLD_LAZY) for path in folder.parent.glob("nvidia/*/lib/libcublasLt.so.*")]
    libraries.append((folder / "lib" / f"libtorch_global_deps{suffix}", os.RTLD_LAZY | os.RTLD_GLOBAL))
    libraries.append((folder / "lib" / f"libtorch_python{suffix}", os.RTLD_LAZY))
    for path, flags in libraries:
        dlopen(os.fsencode(path), flags)
