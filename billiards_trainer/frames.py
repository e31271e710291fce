"""Shared-memory ring of pictures: one writer, many readers, no locks.

The protocol, step by step:

1. The orchestrator creates the ring (``create_ring``) as a file in shared memory whose pages are
   reserved with ``posix_fallocate``: a full ``/dev/shm`` fails here with a sentence, not later with
   SIGBUS.  It removes it at the end (``remove_ring``).  Readers and writers only map it.
2. A writer attaches and raises the ring's *epoch*; picture sequence numbers go on from where the
   last writer left off, so that they never repeat in the life of a ring.
3. To write picture ``n`` (counted from 1) the writer takes slot ``n % slots``, sets the slot's
   sequence to 0 (= being written), copies picture and description, sets the slot's sequence to
   ``n``, and at last publishes ``n`` as the ring's newest.
4. A reader looks up the newest ``n``, checks that the slot's sequence is ``n``, copies, and checks
   *again*.  If it differs the writer has lapped the reader, who then starts again at the newest.
   A slow reader thus jumps to the newest picture; a reader killed at any point has changed nothing.
5. A writer killed in step 3 leaves a slot with sequence 0, which nobody reads; the newest is still
   the picture before.

``multiprocessing.shared_memory`` is not used because its resource tracker (before Python 3.13)
destroys the segment when any reader ends.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_MAGIC = b"BTRING1\0"
_HEAD = struct.Struct("<8sQQQQ")  # magic, slots, slot bytes, epoch, newest sequence
_SLOT = struct.Struct("<QqqIIIIQ")  # sequence, frame, exposure, height, width, channels, -, epoch
_U64 = struct.Struct("<Q")
_EPOCH_AT = 24
_NEWEST_AT = 32
_PAGE = 4096


class RingError(Exception):
    """The ring cannot be made, opened or written; the message is one sentence."""


class _Fence:
    """A full memory barrier for CPUs that reorder memory accesses (Arm).

    Releasing and then taking a lock orders everything before against everything after.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def __call__(self) -> None:
        self._lock.release()
        self._lock.acquire()


@dataclass(frozen=True, slots=True)
class RingPicture:
    """A picture read from a ring: ``image`` is the reader's own copy, (H, W, 3) BGR uint8."""

    image: Picture
    frame: int
    exposure_ns: int
    sequence: int
    epoch: int


def slot_bytes_for(width: int, height: int) -> int:
    """Bytes that a slot needs for a BGR picture of that size."""
    return width * height * 3


def create_ring(path: Path, slots: int, slot_bytes: int) -> None:
    """Reserve a ring, replacing what a dead predecessor left there.

    Args:
        path: a file in shared memory, e.g. below ``/dev/shm``.
        slots: pictures held, at least 2.
        slot_bytes: the largest picture, in bytes.

    Raises:
        RingError: no room, or the folder cannot be written.
    """
    if slots < 2:
        raise ValueError("a ring needs at least two slots")
    stride = _stride(slot_bytes)
    size = _PAGE + slots * stride
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(fd, 0, size)
            os.pwrite(fd, _HEAD.pack(_MAGIC, slots, slot_bytes, 0, 0), 0)
        finally:
            os.close(fd)
    except OSError as error:
        remove_ring(path)
        if error.errno == errno.ENOSPC:
            raise RingError(
                f"no room for {size / 1e6:.0f} MB of pictures in {path.parent}: "
                "free shared memory or enlarge it"
            ) from None
        raise RingError(f"cannot create the picture ring {path}: {error.strerror}") from None


def remove_ring(path: Path) -> None:
    """Remove a ring, if it is there; those who still map it keep what they have."""
    with contextlib.suppress(OSError):
        path.unlink()


def _stride(slot_bytes: int) -> int:
    return -(-(_SLOT.size + slot_bytes) // _PAGE) * _PAGE


class _Mapped:
    """A mapped ring; base of writer and reader."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        try:
            with open(path, "r+b" if writable else "rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=access)
        except (OSError, ValueError) as error:
            raise RingError(f"cannot open the picture ring {path}: {error}") from None
        magic, self._slots, self._slot_bytes, _, _ = _HEAD.unpack_from(self._map, 0)
        if magic != _MAGIC:
            self._map.close()
            raise RingError(f"{path} is not a picture ring")
        self._fence = _Fence()

    def _offset(self, sequence: int) -> int:
        return _PAGE + (sequence % self._slots) * _stride(self._slot_bytes)

    def _newest(self) -> int:
        return int(_U64.unpack_from(self._map, _NEWEST_AT)[0])

    def close(self) -> None:
        """Unmap."""
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class RingWriter(_Mapped):
    """The one writer of a ring.

    Raises:
        RingError: there is no ring at ``path``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, writable=True)
        self.epoch = int(_U64.unpack_from(self._map, _EPOCH_AT)[0]) + 1
        _U64.pack_into(self._map, _EPOCH_AT, self.epoch)
        self._view = np.frombuffer(self._map, dtype=np.uint8)

    @property
    def capacity(self) -> int:
        """Bytes of the largest picture."""
        return int(self._slot_bytes)

    def write(self, picture: Picture, *, frame: int, exposure_ns: int) -> int:
        """Put a picture into the ring.

        Args:
            picture: (H, W, 3) BGR uint8.
            frame: number of the picture.
            exposure_ns: monotonic time of the middle of the exposure.

        Returns:
            Its sequence number in the ring.

        Raises:
            RingError: the picture is larger than a slot.
        """
        height, width, channels = picture.shape
        size = height * width * channels
        if size > self._slot_bytes:
            raise RingError(
                f"a picture of {width}x{height} does not fit the ring ({self._slot_bytes} bytes)"
            )
        sequence = self._newest() + 1
        at = self._offset(sequence)
        _U64.pack_into(self._map, at, 0)
        self._fence()
        body = at + _SLOT.size
        target = self._view[body : body + size].reshape(picture.shape)
        np.copyto(target, picture)
        _SLOT.pack_into(
            self._map, at, 0, frame, exposure_ns, height, width, channels, 0, self.epoch
        )
        self._fence()
        _U64.pack_into(self._map, at, sequence)
        self._fence()
        _U64.pack_into(self._map, _NEWEST_AT, sequence)
        return sequence

    def close(self) -> None:
        """Unmap."""
        del self._view
        super().close()


class RingReader(_Mapped):
    """One of many readers; never writes.

    Raises:
        RingError: there is no ring at ``path``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, writable=False)
        self._view = np.frombuffer(self._map, dtype=np.uint8)
        self._last = 0

    def latest(self) -> RingPicture | None:
        """The newest picture, or ``None`` when it has been returned before or none is there."""
        tried = self._last
        while (newest := self._newest()) > tried:
            tried = newest
            picture = self.read(newest)
            if picture is not None:
                self._last = newest
                return picture
        return None

    def read(self, sequence: int) -> RingPicture | None:
        """The picture of that sequence number, or ``None`` when it has been overwritten."""
        at = self._offset(sequence)
        self._fence()
        found, frame, exposure, height, width, channels, _, epoch = _SLOT.unpack_from(self._map, at)
        if found != sequence:
            return None
        self._fence()
        size = height * width * channels
        if size > self._slot_bytes:  # torn description: the writer has just come by
            return None
        body = at + _SLOT.size
        image = self._view[body : body + size].reshape(height, width, channels).copy()
        self._fence()
        if _U64.unpack_from(self._map, at)[0] != sequence:
            return None
        return RingPicture(image, frame, exposure, sequence, epoch)

    def before(self, time_ns: int) -> RingPicture | None:
        """The newest picture stamped no later than ``time_ns``, if the ring still has it."""
        newest = self._newest()
        for sequence in range(newest, max(0, newest - self._slots), -1):
            at = self._offset(sequence)
            found, _, exposure, *_ = _SLOT.unpack_from(self._map, at)
            if found == sequence and exposure <= time_ns:
                picture = self.read(sequence)
                if picture is not None:
                    return picture
        return None

    def close(self) -> None:
        """Unmap."""
        del self._view
        super().close()
