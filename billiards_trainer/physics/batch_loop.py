"""Many shots in one call of a kernel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from billiards_trainer.physics.compilation import kernel
from billiards_trainer.physics.geometry import Ints
from billiards_trainer.physics.layout import (
    BALL_COLUMNS,
    MOTION,
    P_EVENTS,
    P_TIME,
    PROGRESS_ENTRIES,
    VX,
    VY,
    WX,
    WY,
    WZ,
    X,
    Y,
)
from billiards_trainer.physics.loop import begin, bring_to, classify, proceed
from billiards_trainer.physics.state import Floats


@kernel
def run_batch(
    low: int,
    high: int,
    states: Floats,
    strikes: Floats,
    segments: Floats,
    jaws: Floats,
    pockets: Floats,
    box: Floats,
    sides: Ints,
    numbers: Floats,
    choice: Ints,
    max_events: int,
    max_time: float,
    position: Floats,
    motion: npt.NDArray[np.int8],
    tallies: Ints,
    duration: Floats,
    events: Ints,
    status: Ints,
) -> None:
    """Play shots ``low`` to ``high`` and write what came of them; see ``batch.BatchOutcomes``.

    ``status`` (M,) gets what ``loop.proceed`` returned.
    """
    n = states.shape[1]
    ball = np.zeros((n, BALL_COLUMNS))
    queue = np.zeros((n, 2))
    whom = np.zeros((n, 5), dtype=np.int64)
    progress = np.zeros(PROGRESS_ENTRIES)
    times = np.empty(0)
    kinds = np.empty((0, 3), dtype=np.int64)
    records = np.empty((0, 2, 2, 8))
    for shot in range(low, high):
        state = states[shot if states.shape[0] > 1 else 0]
        strike = strikes[shot if strikes.shape[0] > 1 else 0]
        for i in range(n):
            ball[i, :] = 0.0
            ball[i, X], ball[i, Y] = state[i, 0], state[i, 1]
            ball[i, VX], ball[i, VY] = state[i, 2], state[i, 3]
            ball[i, WX], ball[i, WY], ball[i, WZ] = state[i, 4], state[i, 5], state[i, 6]
            ball[i, MOTION] = state[i, 7]
        whom[:, :] = 0
        classify(ball, numbers)
        begin(
            ball,
            queue,
            whom,
            segments,
            jaws,
            pockets,
            box,
            sides,
            numbers,
            choice,
            strike,
            times,
            kinds,
            records,
            progress,
            tallies[shot],
        )
        status[shot] = proceed(
            ball,
            queue,
            whom,
            segments,
            jaws,
            pockets,
            box,
            sides,
            numbers,
            choice,
            times,
            kinds,
            records,
            progress,
            tallies[shot],
            max_events,
            max_time,
        )
        bring_to(ball, progress[P_TIME])
        for i in range(n):
            position[shot, i, 0], position[shot, i, 1] = ball[i, X], ball[i, Y]
            motion[shot, i] = int(ball[i, MOTION])
        duration[shot] = progress[P_TIME]
        events[shot] = int(progress[P_EVENTS])
