"""How the renderer's kernels are compiled, and where compiled code is kept.

As with the physics, each state of these sources has a cache folder of its own, because numba does
not notice that a function changed which a kernel calls from another file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

# The physics says where caches are, before numba is first imported.
from billiards_trainer.physics import compilation as _physics

import numba  # isort: skip

_config: Any = numba.config
_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def _cache_folder() -> str:
    digest = hashlib.sha256(_physics.source_digest().encode())
    for name in ("compilation", "optics", "raster"):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes() + b"\0")
    for path in sorted(Path(__file__).parent.glob("*_kernels.py")):
        digest.update(path.read_bytes() + b"\0")
    # Beside the physics' own folder, wherever that is.
    return f"{_config.CACHE_DIR}-picture-{digest.hexdigest()[:16]}"


_FOLDER = _cache_folder()


def kernel(function: _Kernel) -> _Kernel:
    """Compile ``function``; pictures need speed, not the last bit."""
    compiled: Any = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
    kept = _config.CACHE_DIR
    _config.CACHE_DIR = _FOLDER  # read when the function is declared
    try:
        return cast(_Kernel, compiled(function))
    finally:
        _config.CACHE_DIR = kept
