"""One picture made ready: what balls and cue are both searched in."""

from __future__ import annotations

from dataclasses import dataclass

from billiards_trainer.vision.detection import candidates, cloth
from billiards_trainer.vision.detection.arrays import Mask
from billiards_trainer.vision.detection.cloth import Cloth
from billiards_trainer.vision.detection.view import View


@dataclass(frozen=True, slots=True)
class Working:
    """A picture, its cloth, and what is unlike it.

    Attributes:
        view: the view.
        picture: full resolution, BGR uint8.
        image: the working image.
        cloth: what was learned of the cloth.
        divided: working image divided by the cloth.
        unlike: how unlike cloth each working pixel is, 0…255.
        edges: edge pixels of the working image.
    """

    view: View
    picture: Mask
    image: Mask
    cloth: Cloth
    divided: Mask
    unlike: Mask
    edges: candidates.Edges


def prepare(picture: Mask, view: View, hint: tuple[float, float, float] | None = None) -> Working:
    """Learn the cloth and find the edges.

    Args:
        picture: BGR uint8, of the camera's size.
        view: the view.
        hint: cloth colour (BGR) known from a colour profile.

    Raises:
        ClothError: no cloth is seen.
    """
    image = view.working_image(picture)
    learned = cloth.learn(image, view, hint)
    divided = cloth.divide(image, learned.background)
    unlike = cloth.unlikeness(divided, learned)
    found = candidates.edges(image, learned.background, unlike, view)
    return Working(view, picture, image, learned, divided, unlike, found)
