"""Patterns: cloth, wood, floor, numerals, noise.  All from seeded generators."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


def smooth_noise(rng: np.random.Generator, rows: int, columns: int, size: float) -> F32:
    """Noise of mean 0 and deviation 1 whose features are about ``size`` cells wide."""
    small = (max(int(rows / size) + 3, 3), max(int(columns / size) + 3, 3))
    field = rng.standard_normal(small).astype(np.float32)
    field = np.asarray(
        cv2.resize(field, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32
    ).reshape(rows, columns)
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), np.float32)


def smooth_periodic(rng: np.random.Generator) -> F32:
    """A texture of 256 x 256 cells that repeats without a seam; mean 0, deviation 1."""
    noise = rng.standard_normal((256, 256))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    spectrum = np.fft.fft2(noise) * np.exp(-((f / 0.035) ** 2))
    field = np.real(np.fft.ifft2(spectrum))
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def cloth(rng: np.random.Generator, rows: int, columns: int, nap: float, wear: float) -> F32:
    """Relative brightness of a cloth, mean 1: fibres along the table, and slow wear."""
    fibres = rng.standard_normal((rows, columns)).astype(np.float32)
    fibres = np.asarray(cv2.GaussianBlur(fibres, (0, 0), sigmaX=0.6, sigmaY=1.3), np.float32)
    fibres /= max(float(fibres.std()), 1e-6)
    middling = smooth_noise(rng, rows, columns, 7)
    slow = smooth_noise(rng, rows, columns, max(rows / 5, 4))
    return np.asarray(1 + nap * (0.8 * fibres + 0.35 * middling) + wear * 0.6 * slow, np.float32)


def chalk_marks(
    rng: np.random.Generator, rows: int, columns: int, cells_per_metre: float, count: int
) -> F32:
    """Additive traces: chalk dust, burn marks of the break, small dark fluff."""
    out = np.zeros((rows, columns), np.float32)
    for _ in range(count):
        x, y = int(rng.uniform(0, columns)), int(rng.uniform(0, rows))
        strength = float(rng.uniform(-0.16, 0.20))
        if rng.random() < 0.45:
            cv2.circle(out, (x, y), int(rng.uniform(1, 4)), strength, -1, cv2.LINE_AA)
        else:
            angle, reach = rng.uniform(0, math.pi), rng.uniform(0.004, 0.05) * cells_per_metre
            end = (int(x + reach * math.cos(angle)), int(y + reach * math.sin(angle)))
            cv2.line(out, (x, y), end, strength, 1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(out, (0, 0), 0.8), np.float32)


def wood(rng: np.random.Generator, rows: int, columns: int, grain: float) -> F32:
    """Relative brightness of wood whose fibres run along the rows."""
    y = np.arange(rows, dtype=np.float32)[:, None]
    bend = smooth_noise(rng, rows, columns, max(columns / 4, 4)) * 2.5
    rings = np.sin((y + bend) * 0.9 + smooth_noise(rng, rows, columns, 30) * 1.5)
    streaks = rng.standard_normal((rows, columns)).astype(np.float32)
    streaks = np.asarray(cv2.GaussianBlur(streaks, (0, 0), sigmaX=12, sigmaY=0.7), np.float32)
    streaks /= max(float(streaks.std()), 1e-6)
    return np.asarray(1 + grain * (0.22 * rings + 0.22 * streaks), np.float32)


def numeral(text: str, size: int) -> F32:
    """A numeral in a square of ``size`` cells that circumscribes its disc; 1 is ink."""
    big = 512
    ink: U8 = np.zeros((big, 3 * big), np.uint8)
    at, scale = (big // 2, big - 100), 11.0
    cv2.putText(ink, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 44, cv2.LINE_AA)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # As large as the disc allows.
    single = len(text) == 1
    high = round(big * (0.58 if single else 0.50))
    wide = min(round(ink.shape[1] * high / ink.shape[0]), round(big * 0.76))
    canvas: U8 = np.zeros((big, big), np.uint8)
    top, left = (big - high) // 2, (big - wide) // 2
    shape = cv2.resize(ink, (wide, high), interpolation=cv2.INTER_AREA)
    canvas[top : top + high, left : left + wide] = np.asarray(shape).reshape(high, wide)
    if text in ("6", "9"):
        canvas[top + high + 14 : top + high + 40, big // 2 - 100 : big // 2 + 100] = 255
    shrunk = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(np.asarray(shrunk, np.float32).reshape(size, size) / 255, np.float32)


def noise_fields(
    rng: np.random.Generator, height: int, width: int, sigma: float, grain: float
) -> tuple[U8, U8]:
    """Sensor noise larger than a picture, as what is added and what is taken away, in levels."""
    shape = (height + 97, width + 131, 3)
    noise = rng.standard_normal(shape, dtype=np.float32)
    if grain > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), grain), np.float32)
    # Colour noise is coarser and weaker than brightness noise after a camera's own processing.
    noise = 0.8 * noise + 0.6 * noise[:, :, 1:2]
    noise *= sigma / max(float(noise.std()), 1e-6)
    # Rounding with a random threshold keeps noise of less than one level alive.
    noise = np.floor(noise + rng.random(shape, dtype=np.float32))
    return (
        np.clip(noise, 0, 255).astype(np.uint8),
        np.clip(-noise, 0, 255).astype(np.uint8),
    )


def tone_curve(contrast: float, entries: int, per_unit: float) -> U8:
    """Display level for linear light: soft shoulder, sRGB transfer, S-shaped contrast."""
    light = np.arange(entries) / per_unit
    knee = 0.72
    over = np.maximum(light - knee, 0.0)
    light = np.where(light < knee, light, knee + (1 - knee) * (1 - np.exp(-over / (1 - knee))))
    display = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    display = np.clip(display * 1.01, 0, 1)
    bent = display * display * (3 - 2 * display)
    display = display + contrast * (bent - display)
    return np.asarray(np.clip(np.rint(display * 255), 0, 255), np.uint8)
