"""The state of play: folds table states into events, shots, predictions and scenes.

Pure: everything that happens comes in through ``update`` and the few methods beside it, with the
times that the messages carry; what is to be published or recorded comes out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from billiards_trainer import messages as m
from billiards_trainer.core.cloth_screen import ClothScreen
from billiards_trainer.core.guidance.aim import Aim, AimFilter, AimSettings
from billiards_trainer.core.guidance.comparison import Comparison, compare
from billiards_trainer.core.guidance.drills import stop_shot
from billiards_trainer.core.guidance.prediction import (
    PredictionError,
    Predictor,
    PredictorSettings,
)
from billiards_trainer.core.guidance.scene import View, build_scene
from billiards_trainer.core.guidance.steady import SteadyPredictor
from billiards_trainer.core.players import Level, Players
from billiards_trainer.core.shots.segmenter import ShotSegmenter
from billiards_trainer.core.shots.shot import Shot
from billiards_trainer.core.standing import Standing
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics_calibration import TablePhysics
from billiards_trainer.storage.records import RecordedShot, SessionRecord, ShotRecord
from billiards_trainer.table import Table

_FRESH_S = 2.5
"""A prediction belongs to a shot that starts within this time."""
_RETURNED_S = 1.0
Begin = Callable[[m.SourceInfo], Standing]
_BANNERS = {"simulated": "VIRTUAL TABLE", "film": "FILM, NOT LIVE"}


@dataclass(frozen=True, slots=True)
class GameSettings:
    """Attributes:

    assistance: how much the player is shown.
    cue_speed: assumed until a practice stroke is seen, m/s.
    aim_noise: standard deviation of how players miss their aim, rad.
    comparison_s: how long the last shot is compared with its prediction, seconds.
    idle_s: a table unused for so long shows the idle screen, seconds.
    night_s: after so long the cloth goes dark, seconds.
    physics: of this table; the game's standard when ``None``.
    """

    assistance: Level = "beginner"
    cue_speed: float = 2.0
    aim_noise: float = 0.006
    comparison_s: float = 6.0
    idle_s: float = 180.0
    night_s: float = 1800.0
    physics: TablePhysics | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one table state led to."""

    game: m.GameState
    scene: m.Scene
    events: tuple[m.ShotEvent, ...] = ()
    record: ShotRecord | None = None


class Game:
    """See the module's text.

    Attributes:
        table: what is played on.
        session: on the log, once a source has been seen.
        assistance: how much is shown.
        players: what is remembered of them.
        alert: what the appliance wants the player to know at once; empty when all is well.
    """

    def __init__(
        self,
        table: Table,
        begin: Begin,
        settings: GameSettings | None = None,
        players: Players | None = None,
    ) -> None:
        """Set up.

        Args:
            table: what is played on.
            begin: called when a source is first seen; gives a new session, or one to continue.
            settings: see there.
            players: what is remembered of them; nothing when ``None``.
        """
        self.table = table
        self.players = players or Players()
        self._drill: m.Drill | None = None
        self._cloth = ClothScreen()
        self.alert = ""
        self.session: SessionRecord | None = None
        self._begin = begin
        self._segmenter = ShotSegmenter(table)
        self._state: m.TableState | None = None
        self._last_step: Step | None = None
        self.apply(settings or GameSettings())
        self._rack = 0
        self.reset()
        self._number = 0
        self._shooter = self.players.name

    def apply(self, settings: GameSettings) -> None:
        """Put other settings in force."""
        self.settings = settings
        self.assistance: Level = self.players.level or settings.assistance
        self._aim_filter = AimFilter(AimSettings(speed=settings.cue_speed))
        physics = settings.physics
        self._predictor = Predictor(
            self.table,
            PredictorSettings(aim_noise=settings.aim_noise),
            physics.parameters if physics else None,
            physics.calibration if physics else None,
            physics.models if physics else None,
        )
        self._predictor.spread = self.players.spread
        self._steady = SteadyPredictor(self._predictor)
        self._aim: Aim | None = None

    def warm(self) -> None:
        """Load the engine; see ``Predictor.warm``."""
        self._predictor.warm()

    def reset(self) -> None:
        """A new rack: nothing potted, no last shot."""
        self._rack += 1
        self._potted: list[str] = []
        self._last_shot: m.ShotSummary | None = None
        self._last_events: tuple[m.ShotEvent, ...] = ()
        self._comparison: Comparison | None = None
        self._comparison_until_ns = 0
        self._prediction: m.Prediction | None = None
        self._cue: m.CueState | None = None
        self._back_since: dict[str, int] = {}

    def update(self, state: m.TableState) -> Step:
        """Take in one table state."""
        session = self.session
        if session is None or session.source != state.source:
            session = self._take_up(self._begin(state.source))
        self._state = state
        events = tuple(self._segmenter.update(state))
        for event in events:
            if event.kind is m.EventKind.SHOT_START:
                # Whoever plays next may say so while the balls still roll.
                self._shooter = self.players.name
            if event.kind is m.EventKind.POCKETED and event.labels and event.labels[0] != "cue":
                self._potted.append(event.labels[0])
        shot = self._segmenter.take_shot()
        record = self._finish(shot, state) if shot is not None else None
        self._take_back(state)
        self._aim = None if self._segmenter.in_shot else self._aim_filter.update(state)
        shown: m.Prediction | None = None
        if self._aim is None:
            self._steady.forget()
        else:
            shown = self._steady.update(state.balls, self._aim, state.frame, state.exposure_ns)
        if shown is not None:
            self._prediction, self._cue = shown, state.cue or self._cue
        phase = self._phase(state)
        if phase is m.Phase.AIMING or state.exposure_ns > self._comparison_until_ns:
            self._comparison = None
        game = m.GameState(
            frame=state.frame,
            exposure_ns=state.exposure_ns,
            epoch=state.epoch,
            session=session.id,
            phase=phase,
            assistance=self.assistance,
            player=self.players.name,
            drill=self._drill.name if self._drill and self.assistance == "drill" else None,
            shots=self._number,
            potted=tuple(self._potted),
            rack=self._rack,
            last_shot=self._last_shot,
            prediction=shown,
        )
        self._cloth.update(state, phase, self.settings.idle_s, self.settings.night_s)
        view = View(
            assistance=self.assistance,
            phase=phase,
            prediction=shown,
            comparison=self._comparison,
            drill=self._drill,
            notice=self.alert or (None if state.quality.usable else state.quality.problem),
            banner=_BANNERS.get(state.source.kind),
            screen=self._cloth.screen,
            code=self._cloth.code,
        )
        step = Step(game, build_scene(state, self.table, view), events, record)
        self._last_step = step
        return step

    def assist(self, request: m.AssistanceRequest) -> str:
        """Who plays, and how much is shown from now on; a sentence about it."""
        if request.player is not None and request.player != self.players.name:
            self._choose(request.player)
        if request.level is not None:
            self.assistance = request.level
            self.players.set_level(request.level)
        if request.drill is not None or self._drill is None:
            self._drill = request.drill or stop_shot(self.table)
        if self.assistance == "drill":
            return f"drill: {self._drill.name}"
        return ""

    def show_code(self, text: str, seconds: float) -> None:
        """Show a QR code while nobody aims.

        Raises:
            ValueError: it cannot be made into one.
        """
        if self._state is None:
            raise ValueError("there is no picture of the table yet")
        self._cloth.show_code(text, self._state.exposure_ns + round(1e9 * seconds))

    def _choose(self, player: str) -> None:
        self.players.choose(player)
        self._predictor.spread = self.players.spread
        self._steady.forget()
        self.assistance = self.players.level or self.settings.assistance

    def _take_up(self, standing: Standing) -> SessionRecord:
        self.session, self._number = standing.session, standing.shots
        if standing.player and not self.players.name:
            self._choose(standing.player)
        if standing.shots:
            self._potted, self._last_shot = list(standing.potted), standing.last_shot
        return standing.session

    def standing(self) -> Standing | None:
        """What a successor must know; ``None`` before anything was seen."""
        if self.session is None:
            return None
        return Standing(
            self.session, self._number, tuple(self._potted), self._last_shot, self.players.name
        )

    def notice(self, text: str, now_ns: int) -> m.Scene:
        """The scene when there is nothing to see: one sentence on the cloth."""
        state = self._state
        source = self.session.source if self.session else m.SourceInfo(kind="v4l2", name="")
        empty = m.TableState(
            frame=0 if state is None else state.frame,
            exposure_ns=now_ns,
            epoch=0 if state is None else state.epoch,
            table=self.table.name,
            width=self.table.width,
            length=self.table.length,
            ball_radius=self.table.balls.radius,
            source=source,
            calibration=None,
        )
        banner = _BANNERS.get(source.kind) if self.session else None
        return build_scene(
            empty, self.table, View(self.assistance, m.Phase.WAITING, notice=text, banner=banner)
        )

    def recorded(self, shot: RecordedShot) -> m.ShotSummary | None:
        """The shot log has committed a shot: its summary, now that it may be said."""
        last = self._last_shot
        if last is None or last.number != shot.number:
            return None
        self._last_shot = last.model_copy(update={"recorded": True, "shot_id": shot.shot_id})
        return self._last_shot

    @property
    def comparison(self) -> Comparison | None:
        """The last shot against its prediction, while it is shown."""
        return self._comparison

    def snapshot(self) -> m.GameState:
        """The state of play as last published, and the events of the shot."""
        if self._last_step is not None:
            shot = self._segmenter.shot
            events = self._last_events if shot is None else tuple(shot.events)
            return self._last_step.game.model_copy(
                update={"last_shot": self._last_shot, "shot_events": events}
            )
        return m.GameState(frame=0, exposure_ns=0, epoch=0)

    def analyze(self, request: m.AnalyzeRequest) -> m.AnalyzeReply:
        """Predict the present aim, or the one that is asked for."""
        state = self._state
        if state is None or not state.balls:
            return m.AnalyzeReply(detail="there are no balls on the table")
        aim = self._aim
        if aim is None and request.angle_rad is None:
            return m.AnalyzeReply(detail="nobody is aiming; say angle_rad to ask for a shot")
        track = aim.track if aim is not None else self._cue_ball(state)
        if track is None:
            return m.AnalyzeReply(detail="there is no cue ball on the table")
        base = aim or Aim(track, 0.0, 0.0, 0.0, 0.0, 0.0, self.settings.cue_speed, False)
        asked = replace(
            base,
            angle=base.angle if request.angle_rad is None else request.angle_rad,
            angle_std=0.0 if request.angle_rad is not None else base.angle_std,
            elevation=base.elevation if request.elevation_rad is None else request.elevation_rad,
            side=base.side if request.side is None else request.side,
            height=base.height if request.height is None else request.height,
            speed=base.speed if request.speed is None else request.speed,
            speed_seen=request.speed is not None or base.speed_seen,
            height_seen=request.height is not None or base.height_seen,
        )
        try:
            prediction = self._predictor.predict(state.balls, asked, state.frame, state.exposure_ns)
        except PredictionError as error:
            return m.AnalyzeReply(detail=str(error))
        return m.AnalyzeReply(prediction=prediction)

    def _phase(self, state: m.TableState) -> m.Phase:
        if state.calibration is None or not state.balls:
            return m.Phase.WAITING
        if self._segmenter.in_shot:
            return m.Phase.SHOT
        return m.Phase.AIMING if self._aim is not None else m.Phase.IDLE

    def _finish(self, shot: Shot, state: m.TableState) -> ShotRecord:
        """Close a shot: compare, sum up, and make its record."""
        assert self.session is not None
        self._number += 1
        started_ns = shot.events[0].exposure_ns
        prediction = self._prediction
        if prediction is not None:
            age_s = (started_ns - prediction.exposure_ns) / 1e9
            struck = prediction.paths[0].track if prediction.paths else None
            if not -0.2 < age_s < _FRESH_S or struck != shot.striker:
                prediction = None
        self._comparison = compare(prediction, shot)
        self._comparison_until_ns = state.exposure_ns + round(1e9 * self.settings.comparison_s)
        found = self._comparison
        if found is not None and found.corridor_share is not None:
            self.players.learn(self._shooter, found.corridor_share)
        self._last_shot = m.ShotSummary(
            number=self._number,
            potted=tuple(
                e.labels[0] for e in shot.events if e.kind is m.EventKind.POCKETED and e.labels
            ),
            cue_speed=cue_speed(shot, self.table),
            events=len(shot.events),
            error_mm=None if found is None or found.error_m is None else 1e3 * found.error_m,
            error_rad=None if found is None else found.error_rad,
        )
        self._last_events = tuple(shot.events)
        cue, self._cue, self._prediction = self._cue, None, None
        return ShotRecord(
            session=self.session,
            number=self._number,
            start_frame=shot.start_frame,
            start_ns=started_ns,
            end_frame=shot.end_frame,
            end_ns=max(started_ns, state.exposure_ns),
            before=shot.before,
            after=shot.after,
            events=self._last_events,
            cue=cue,
            prediction=prediction,
            summary=self._last_shot,
            frame_times_ns=tuple(shot.frame_times_ns),
            calibration=state.calibration,
            assistance=self.assistance,
            player=self._shooter,
        )

    def _take_back(self, state: m.TableState) -> None:
        """Potted balls that lie on the table again were put back: respotted, or a new rack."""
        if not self._potted or self._segmenter.in_shot:
            return
        lying = Counter(b.label for b in state.balls if b.visible and not b.moving)
        full = 15 if self.table.game == "snooker" else 1
        for label in set(self._potted):
            room = (full if label == "red" else 1) - lying[label]
            if label not in self.table.balls.labels or self._potted.count(label) <= room:
                self._back_since.pop(label, None)
                continue
            since = self._back_since.setdefault(label, state.exposure_ns)
            if state.exposure_ns - since > _RETURNED_S * 1e9:
                self._potted.remove(label)
                del self._back_since[label]

    def _cue_ball(self, state: m.TableState) -> int | None:
        return next((b.track for b in state.balls if b.label == "cue" and not b.in_hand), None)


def cue_speed(shot: Shot, table: Table) -> float | None:
    """Speed of the cue, m/s, from how fast the struck ball left.

    A ball struck in its middle leaves with 2/(1 + m/M) times the cue's speed (Alciatore TP A-30,
    lossless), less what the cloth took until it was seen.
    """
    path = [p for p in shot.paths.get(shot.striker, []) if p[0] > shot.start][:4]
    if len(path) < 2 or path[-1][0] <= path[0][0]:
        return None
    (t0, x0, y0), (t1, x1, y1) = path[0], path[-1]
    ball = math.hypot(x1 - x0, y1 - y0) / (t1 - t0)
    return ball * (1 + table.balls.mass / Strike(0, 0.0, 0.0).cue_mass) / 2
