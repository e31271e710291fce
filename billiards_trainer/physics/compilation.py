"""The one place that imports numba: compile options, and where compiled code is kept.

numba keys its cache by source file and processor, but it does not notice when a kernel changes that
is called from *another* file.  So each state of the physics sources gets a folder of its own, named
by a digest of the sources, of numba's version and of the processor's name.  The folder lies in
``NUMBA_CACHE_DIR`` where that is set, else in the virtual environment, else in the user's cache.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def processor_name() -> str:
    """What the processor calls itself, e.g. ``AMD EPYC``, else the architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.lower().startswith(("model name", "cpu part", "hardware")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def source_digest() -> str:
    """Sixteen hexadecimal digits that change with the kernels, numba and the processor."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for text in (importlib.metadata.version("numba"), processor_name(), sys.version):
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:16]


def cache_root() -> Path:
    """The folder under which every state of the sources has its own compile cache."""
    if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
        return Path(sys.prefix) / "var" / "billiards-trainer" / "kernels"
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "billiards-trainer" / "kernels"


# numba reads its environment when it is first imported; the processes we start inherit it.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_root() / source_digest()))

import numba  # noqa: E402

# For the case that somebody imported it before us.
numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]


def _skip_linear_algebra() -> None:
    """Keep numba from importing SciPy's linear algebra, a quarter of the time to a first shot.

    numba looks for a BLAS when it loads its array functions, and does without where SciPy is
    missing.  No kernel here uses one.
    """
    if "scipy.linalg" in sys.modules:
        return
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy.linalg"]


_skip_linear_algebra()


def kernel(function: _Kernel) -> _Kernel:
    """Compile ``function``: cached on disk, without the interpreter's lock, IEEE arithmetic."""
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return cast(_Kernel, compiled)
