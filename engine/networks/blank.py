"""Networks that get their weights from a file need no random ones before."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch.nn import init
from torch.overrides import TorchFunctionMode

_DRAWS = ("normal_", "uniform_")
"""Of those functions of torch.nn.init that a mode does not see, what they call."""


class Blank(TorchFunctionMode):
    """A context in which new layers are left with whatever values lie in their memory.

    Initialising costs more than loading, and on the meta device it imports torch's compiler: a second, 140 MB.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[Any],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == init.__name__ or getattr(func, "__name__", "") in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
