"""Imports torchvision and timm without torch's compiler: 1 s of processor time, 140 MB and 850 modules less.

Tellframe compiles nothing, but both ask for the compiler while they are imported: torchvision for a function that
it calls when it compiles, timm to mark a class as not to be compiled. Both are put off here, not broken: what is
asked later gets the real compiler. The versions are pinned; a test tells when new ones ask for more.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
import torch.compiler

_COMPILER = "torch._dynamo"


def is_compile_supported(device_type: str) -> bool:
    """torch._dynamo.utils.is_compile_supported, imported when it is called."""
    supported: bool = importlib.import_module(f"{_COMPILER}.utils").is_compile_supported(device_type)
    return supported


@contextmanager
def compiler_put_off() -> Iterator[None]:
    """Within it, importing torch's compiler gives a stand-in. No other thread may import torch meanwhile."""
    if _COMPILER in sys.modules:
        yield
        return
    package, utils = ModuleType(_COMPILER), ModuleType(f"{_COMPILER}.utils")
    package.__path__ = []
    utils.is_compile_supported = is_compile_supported  # type: ignore[attr-defined]
    disable = torch.compiler.disable
    sys.modules |= {package.__name__: package, utils.__name__: utils}
    torch.compiler.disable = _not_compiled
    try:
        yield
    finally:
        torch.compiler.disable = disable
        for name in (package.__name__, utils.__name__):
            del sys.modules[name]


def _not_compiled(fn: Any = None, *_: object, **__: object) -> Any:
    """torch.compiler.disable where nothing is compiled."""
    return fn if fn is not None else _same


def _same(fn: Callable[..., Any]) -> Callable[..., Any]:
    return fn


with compiler_put_off():
    import timm  # noqa: F401
    import torchvision  # noqa: F401
