"""Pictures from files: read, or refused in one sentence that says what is wrong."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from billiards_trainer.errors import InputError

MOST_PIXELS = 64_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_OTHERS = (b"BM", b"II*\x00", b"MM\x00*", b"RIFF", b"P2", b"P3", b"P5", b"P6", b"\x76\x2f\x31\x01")


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture as BGR uint8 (height, width, 3).

    Raises:
        InputError: no such file, not a picture, damaged, too large, or not 8-bit grey or RGB.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(f"{path}: {reason}") from None
    fault = _fault(data)
    if fault:
        raise InputError(f"{path}: {fault}")
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MOST_PIXELS))
    flat = np.frombuffer(data, np.uint8)
    try:
        raw = cv2.imdecode(flat, cv2.IMREAD_UNCHANGED)
        if raw is not None and raw.dtype != np.uint8:
            raise InputError(f"{path}: {_depth(8 * raw.dtype.itemsize)}")
        picture = cv2.imdecode(flat, cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise InputError(f"{path}: damaged, or a kind of picture that cannot be read")
    return np.asarray(picture, dtype=np.uint8)


def _fault(data: bytes) -> str | None:
    """What the file's own structure says against it, before anything is decoded."""
    if not data:
        return "the file is empty"
    if data.startswith(_PNG):
        return _png_fault(data)
    if data.startswith(_JPEG):
        return _jpeg_fault(data)
    if data.startswith(_OTHERS):
        return None
    return "not a picture (no PNG, JPEG, BMP, TIFF or WebP)"


def _png_fault(data: bytes) -> str | None:
    if len(data) < 33:
        return "the picture is cut off"
    width, height, bits = struct.unpack(">IIB", data[16:25])
    return (
        _size_fault(width, height)
        or (_depth(bits) if bits > 8 else None)
        or (None if b"IEND" in data[-64:] else "the picture is cut off")
    )


def _jpeg_fault(data: bytes) -> str | None:
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 0x01:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, channels = struct.unpack(">BHHB", data[at + 4 : at + 10])
            return (
                _size_fault(width, height)
                or (_depth(bits) if bits != 8 else None)
                or ("CMYK, made for print: save it as RGB" if channels == 4 else None)
                or (None if b"\xff\xd9" in data[at:] else "the picture is cut off")
            )
        at += 2 + length
    return "the picture is cut off"


def _size_fault(width: int, height: int) -> str | None:
    if width * height > MOST_PIXELS:
        return (
            f"{width}x{height} are {width * height / 1e6:.0f} megapixels; at most "
            f"{MOST_PIXELS / 1e6:.0f} are read"
        )
    return None


def _depth(bits: int) -> str:
    return f"{bits} bits a channel: save it with 8"
