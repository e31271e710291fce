"""What optics, exposure and lamps do to a picture, in linear light."""

from __future__ import annotations

import cv2
import numpy as np

_GAMMA = 2.2


def linear(picture: np.ndarray) -> np.ndarray:
    """Light, 1 is full scale."""
    return (picture.astype(np.float32) / 255) ** _GAMMA


def coded(light: np.ndarray, rng: np.random.Generator, noise: float = 1.5) -> np.ndarray:
    """The picture that a sensor makes of light: saturates, and adds noise."""
    value = 255 * np.clip(light, 0, 1).astype(np.float32) ** np.float32(1 / _GAMMA)
    grain = rng.standard_normal(light.shape, np.float32) * np.float32(noise)
    return np.clip(value + grain, 0, 255).astype(np.uint8)


def exposed(picture: np.ndarray, stops: float, rng: np.random.Generator) -> np.ndarray:
    """Exposed so many stops more (or less)."""
    return coded(linear(picture) * 2.0**stops, rng)


def defocused(picture: np.ndarray, radius_px: int, rng: np.random.Generator) -> np.ndarray:
    """Out of focus: every point becomes a disc."""
    size = 2 * radius_px + 1
    disc = cv2.circle(np.zeros((size, size), np.float32), (radius_px, radius_px), radius_px, 1, -1)
    return coded(cv2.filter2D(linear(picture), -1, disc / disc.sum()), rng)


def covered(picture: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Something dark close before the lens, from the left, far out of focus."""
    x = np.arange(picture.shape[1]) / picture.shape[1]
    open_share = np.clip((x - share) / 0.05 + 0.5, 0.02, 1.0)[None, :, None]
    return coded(linear(picture) * open_share, rng)


def flickering(
    picture: np.ndarray,
    number: int,
    rng: np.random.Generator,
    *,
    lamp_hz: float = 100.0,
    depth: float = 0.6,
    fps: float = 30.0,
    exposure_s: float = 0.004,
    readout_s: float = 0.012,
) -> np.ndarray:
    """Under a lamp whose light goes up and down; rows are read one after the other."""
    rows = np.arange(picture.shape[0]) / picture.shape[0]
    middle = number / fps + rows * readout_s
    smear = np.sinc(lamp_hz * exposure_s)
    light = 1 + depth * smear * np.cos(2 * np.pi * lamp_hz * middle)
    return coded(linear(picture) * 0.7 * light[:, None, None], rng)
