"""How the renderer's kernels are compiled: cached beside the physics, arithmetic may be reordered.

Every kernel lives in a file of its own with all the functions it calls: numba notices a changed
file, not a changed callee in another file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

# The physics decides where compiled code is kept, before numba is first imported.
import billiards_trainer.physics.compilation  # noqa: F401  isort: skip
import numba

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile ``function``; pictures need speed, not the last bit."""
    compiled: Any = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
    return cast(_Kernel, compiled(function))
