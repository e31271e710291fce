"""The player's body and the cue as tapered rods, in the order in which they are painted.

Lengths are those of a grown person; directions are relative to the cue: ``f`` along the aim,
``l`` to the side of the bridge hand.  Heights are above the cloth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from billiards_trainer.simulation.limb_kernels import CUE, FABRIC, HAIR, SKIN
from billiards_trainer.simulation.observation import CuePose
from billiards_trainer.simulation.renderer import Limb
from billiards_trainer.simulation.setup import Colour, CueLook, PlayerLook

Array = NDArray[np.float64]
XYZ = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Stance:
    """Where the player stands.

    Attributes:
        bridge: where the cue crosses the bridge hand, (x, y) on the cloth, metres.
        angle: direction of the stance, rad; the aim's, once settled.
        back: how far the body is withdrawn along the aim, metres.
        rise: how far the body is raised, metres.
        blur: width by which motion softens edges, pixels.
        hand_height: what the bridge hand rests on, metres above the cloth.
        grip_blur: as ``blur``, of the hand that strokes.
    """

    bridge: tuple[float, float]
    angle: float
    back: float = 0.0
    rise: float = 0.0
    blur: float = 0.0
    hand_height: float = 0.0
    grip_blur: float = 0.0


def cue_limb(pose: CuePose, look: CueLook) -> Limb:
    """The cue as a rod whose foremost point is the tip."""
    d = pose.direction
    tip = np.array(pose.tip)
    r, butt = look.tip_diameter / 2, look.butt_diameter / 2
    return Limb(
        _xyz(tip - d * r), r, _xyz(tip - d * (look.length - butt)), butt, look.shaft, CUE, 0.25
    )


def player_limbs(pose: CuePose, stance: Stance, look: PlayerLook, cue: CueLook) -> tuple[Limb, ...]:
    """Body and cue, from the cloth upwards."""
    frame = _Frame(stance, look.left_handed)
    arm = _forearm_and_hand(frame, look)
    torso_high = _torso(frame, look)
    rear = _rear_arm(frame, pose, look, cue)
    return (*arm, cue_limb(pose, cue), *rear[:1], *torso_high, *rear[1:], *_head(frame, look))


def reaching_limbs(
    hand: tuple[float, float], shoulder: tuple[float, float], look: PlayerLook, height: float = 0.05
) -> tuple[Limb, ...]:
    """An arm that reaches over the rail to put a ball down: shoulder to hand, (x, y) in metres."""
    dx, dy = hand[0] - shoulder[0], hand[1] - shoulder[1]
    angle = math.atan2(dy, dx)
    frame = _Frame(Stance(hand, angle), look.left_handed)
    skin, sleeve = look.skin, look.sleeve
    reach = math.hypot(dx, dy)
    wrist = frame(-0.07, 0.01, height + 0.03)
    elbow = frame(-0.07 - 0.26, 0.05, height + 0.13)
    top = frame(-max(reach, 0.62), 0.02, 0.50)
    limbs = [
        _rod(wrist, 0.027, elbow, 0.047, sleeve if not look.bare_forearm else skin, _forearm(look)),
        _rod(elbow, 0.052, top, 0.075, sleeve, FABRIC),
    ]
    for spread in (-0.035, -0.012, 0.012, 0.033):
        knuckle = frame(-0.015, spread * 0.7, height + 0.03)
        tip = frame(0.025, spread * 0.9, height - 0.01)
        limbs.append(_rod(wrist, 0.018, knuckle, 0.0105, skin, SKIN))
        limbs.append(_rod(knuckle, 0.0095, tip, 0.0075, skin, SKIN))
    return tuple(limbs)


class _Frame:
    """Places relative to the bridge: forward, to the bridge hand's side, up."""

    def __init__(self, stance: Stance, mirrored: bool) -> None:
        c, s = math.cos(stance.angle), math.sin(stance.angle)
        side = -1.0 if mirrored else 1.0
        self._f = np.array([c, s, 0.0])
        self._l = np.array([-s, c, 0.0]) * side
        self._origin = np.array([*stance.bridge, 0.0]) - self._f * stance.back
        self._rise, self.hand = stance.rise, stance.hand_height
        self.blur, self.grip_blur = stance.blur, stance.grip_blur

    def __call__(self, forward: float, left: float, up: float) -> Array:
        point: Array = self._origin + self._f * forward + self._l * left
        point[2] = up + self._rise
        return point


def _xyz(point: Array) -> XYZ:
    return (float(point[0]), float(point[1]), float(point[2]))


def _rod(
    start: Array,
    r0: float,
    end: Array,
    r1: float,
    colour: Colour,
    material: int,
    blur: float = 0.0,
) -> Limb:
    gloss = 0.06 if material == SKIN else (0.10 if material == HAIR else 0.0)
    return Limb(_xyz(start), r0, _xyz(end), r1, colour, material, gloss, blur)


def _forearm(look: PlayerLook) -> int:
    return SKIN if look.bare_forearm else FABRIC


def _forearm_and_hand(frame: _Frame, look: PlayerLook) -> list[Limb]:
    """The bridge: hand flat on the cloth, fingers spread, thumb up; the cue lies in the notch."""
    skin, sleeve, blur = look.skin, look.sleeve, frame.blur
    forearm = skin if look.bare_forearm else sleeve

    def hand(forward: float, left: float, up: float) -> Array:
        return frame(forward, left, up + frame.hand)

    wrist = hand(-0.115, 0.052, 0.030)
    elbow = frame(-0.345, 0.155, 0.085 + 0.6 * frame.hand)
    shoulder = frame(-0.60, 0.205, 0.36)
    limbs = [_rod(wrist, 0.026, hand(-0.165, 0.074, 0.04), 0.029, skin, SKIN, blur)]
    knuckles = [
        (0.000, 0.018, 0.032),
        (0.004, 0.039, 0.030),
        (-0.006, 0.058, 0.026),
        (-0.022, 0.073, 0.021),
    ]
    tips = [
        (0.072, 0.022, 0.008),
        (0.076, 0.055, 0.008),
        (0.055, 0.088, 0.008),
        (0.018, 0.110, 0.008),
    ]
    for k in knuckles:
        limbs.append(_rod(wrist, 0.021, hand(*k), 0.0125, skin, SKIN, blur))
    shade: Colour = (skin[0] * 0.93, skin[1] * 0.90, skin[2] * 0.88)
    for i, (k, t) in enumerate(zip(knuckles, tips, strict=True)):
        bend = tuple(0.48 * a + 0.52 * b for a, b in zip(k, t, strict=True))
        middle = hand(bend[0], bend[1], bend[2] + 0.011)
        colour = skin if i % 2 == 0 else shade
        limbs.append(_rod(hand(*t), 0.0072, middle, 0.0085, colour, SKIN, blur))
        limbs.append(_rod(middle, 0.0088, hand(*k), 0.0105, colour, SKIN, blur))
    thumb_root, thumb_tip = hand(-0.070, 0.018, 0.026), hand(-0.004, -0.006, 0.034)
    thumb_mid = hand(-0.036, 0.000, 0.036)
    limbs.append(_rod(wrist, 0.020, thumb_root, 0.015, skin, SKIN, blur))
    limbs.append(_rod(thumb_root, 0.0135, thumb_mid, 0.0110, shade, SKIN, blur))
    limbs.append(_rod(thumb_mid, 0.0108, thumb_tip, 0.0085, shade, SKIN, blur))
    limbs.append(
        _rod(hand(-0.15, 0.068, 0.036), 0.037, elbow, 0.052, forearm, _forearm(look), blur)
    )
    limbs.append(_rod(elbow, 0.056, shoulder, 0.072, sleeve, FABRIC, blur))
    return limbs


def _torso(frame: _Frame, look: PlayerLook) -> list[Limb]:
    blur, cloth = frame.blur, look.torso
    chest_l, chest_r = frame(-0.67, 0.15, 0.40), frame(-0.76, -0.13, 0.44)
    hip_l, hip_r = frame(-1.20, 0.16, 0.26), frame(-1.24, -0.10, 0.26)
    return [
        _rod(hip_l, 0.15, chest_l, 0.115, cloth, FABRIC, blur),
        _rod(hip_r, 0.15, chest_r, 0.115, cloth, FABRIC, blur),
        _rod(chest_l, 0.10, chest_r, 0.10, cloth, FABRIC, blur),
    ]


def _rear_arm(frame: _Frame, pose: CuePose, look: PlayerLook, cue: CueLook) -> list[Limb]:
    """The hand that holds the butt moves with the cue; the elbow stays."""
    blur = frame.blur
    grip = np.array(pose.tip) - pose.direction * (0.78 * cue.length)
    elbow = frame(-0.98, -0.15, 0.58)
    shoulder = frame(-0.74, -0.19, 0.47)
    forearm = look.skin if look.bare_forearm else look.sleeve
    side = frame(0, -0.03, 0) - frame(0, 0, 0)
    hand = grip + side
    hand[2] = grip[2] + 0.005
    wrist = hand + np.array([0, 0, 0.06])
    return [
        _rod(grip - pose.direction * 0.035, 0.026, grip + pose.direction * 0.03, 0.024,
             look.skin, SKIN, frame.grip_blur),
        # The elbow stays: on the average the forearm moves half as far as the hand.
        _rod(wrist, 0.032, elbow, 0.05, forearm, _forearm(look), max(blur, frame.grip_blur / 2)),
        _rod(shoulder, 0.075, elbow, 0.056, look.sleeve, FABRIC, blur),
    ]  # fmt: skip


def _head(frame: _Frame, look: PlayerLook) -> list[Limb]:
    blur = frame.blur
    back, front = frame(-0.615, 0.0, 0.470), frame(-0.565, 0.0, 0.45)
    neck = frame(-0.74, 0.01, 0.44)
    ear_l, ear_r = frame(-0.58, 0.072, 0.43), frame(-0.58, -0.072, 0.43)
    return [
        _rod(neck, 0.06, back, 0.06, look.skin, SKIN, blur),
        _rod(ear_l, 0.016, ear_r, 0.016, look.skin, SKIN, blur),
        _rod(back, 0.080, front, 0.074, look.hair, HAIR, blur),
    ]
