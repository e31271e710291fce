"""The state of play, from states to records; and the process core on real sockets."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billiards_trainer import messages as m
from billiards_trainer.core.game import Game, GameSettings
from billiards_trainer.core.guidance.aim import Aim
from billiards_trainer.core.players import Players
from billiards_trainer.core.standing import Standing
from billiards_trainer.physics.parameters import for_table
from billiards_trainer.physics.strike import Strike
from billiards_trainer.physics_calibration import TablePhysics
from billiards_trainer.storage.recorder import ShotRecorder
from billiards_trainer.storage.records import RecordedShot, ShotRecord
from billiards_trainer.storage.shot_log import ShotLog
from billiards_trainer.storage.upgrade import migrate
from billiards_trainer.table import preset
from tests.unit.core_stage import Stage
from tests.unit.played_shots import FILM, Played, play
from tests.unit.storage_samples import a_session

POOL = preset("pool-9ft")
ANGLE = math.atan2(0.9, 0.2)
PLACES = np.array([[0.4, 0.5], [0.6, 1.4], [1.0, 0.4]])


def begin(source: m.SourceInfo) -> Standing:
    return Standing(a_session(source=source))


def a_game(**settings: object) -> Game:
    return Game(POOL, begin, GameSettings(**settings))  # type: ignore[arg-type]


def aimed(played: Played, until_s: float, angle: float = ANGLE) -> list[m.TableState]:
    """The states of a shot, with a cue that addresses the cue ball until it is struck."""
    states = []
    for state in played.states:
        cue = None
        balls = [b for b in state.balls if b.label == "cue"]
        if balls and state.exposure_ns < until_s * 1e9:
            tip = (balls[0].x_m - 0.05, balls[0].y_m - 0.2, 0.03)
            cue = m.CueState(tip_m=tip, angle_rad=angle, addresses=balls[0].track)
        states.append(state.model_copy(update={"cue": cue}))
    return states


@pytest.fixture(scope="module")
def played() -> Played:
    return play(POOL, PLACES, ("cue", "1", "5"), Strike(0, 1.5, ANGLE), start_s=1.51)


def test_a_shot_is_aimed_played_compared_and_recorded(played: Played) -> None:
    game = a_game(cue_speed=1.5)
    phases: list[m.Phase] = []
    record: ShotRecord | None = None
    steps = []
    for state in aimed(played, 1.5):
        step = game.update(state)
        steps.append(step)
        if not phases or phases[-1] != step.game.phase:
            phases.append(step.game.phase)
        record = step.record or record
    assert phases[-4:] == ["aiming", "idle", "shot", "idle"]
    assert record is not None
    assert record.prediction is not None
    assert record.prediction.target == "1"
    assert record.cue is not None
    assert {b.label for b in record.before} == {"cue", "1", "5"}
    assert record.events[0].kind is m.EventKind.SHOT_START
    assert record.events[-1].kind is m.EventKind.SHOT_END
    assert record.summary is not None
    assert record.summary.error_mm is not None
    assert record.summary.error_mm < 12
    assert record.summary.cue_speed == pytest.approx(1.5, rel=0.15)
    assert record.number == 1
    assert record.frame_times_ns[0] <= record.end_ns
    assert steps[-1].game.shots == 1
    assert steps[-1].game.last_shot == record.summary
    aiming = next(s for s in steps if s.game.prediction is not None)
    assert aiming.scene.exposure_ns == aiming.game.exposure_ns
    assert any(isinstance(e, m.Ring) for e in aiming.scene.elements)
    texts = [e.text for e in aiming.scene.elements if isinstance(e, m.Text)]
    assert "FILM, NOT LIVE" in texts


def test_a_shot_counts_as_recorded_only_when_the_log_says_so(played: Played) -> None:
    game = a_game()
    record = None
    for state in played.states:
        record = game.update(state).record or record
    assert record is not None
    assert game.snapshot().last_shot is not None
    assert not game.snapshot().last_shot.recorded
    assert game.recorded(RecordedShot("x", record.session.id, 99)) is None
    summary = game.recorded(RecordedShot(record.id, record.session.id, record.number))
    assert summary is not None
    assert (summary.recorded, summary.shot_id) == (True, record.id)
    assert game.snapshot().last_shot == summary


def test_a_snapshot_tells_the_events_of_the_shot(played: Played) -> None:
    game = a_game()
    so_far: list[m.ShotEvent] = []
    counts = set()
    for state in played.states:
        step = game.update(state)
        so_far += step.events
        assert game.snapshot().shot_events == tuple(so_far)
        assert step.game.shot_events == ()
        counts.add(len(so_far))
    assert len(counts) > 3
    assert so_far[-1].kind is m.EventKind.SHOT_END
    assert [e.sequence for e in so_far] == list(range(1, len(so_far) + 1))
    game.reset()
    assert game.snapshot().shot_events == ()


def test_potted_balls_are_kept_until_they_lie_on_the_table_again() -> None:
    pocket = np.array(next(p for p in POOL.pockets if p.name == "right").mouth_centre)
    target = pocket - [0.35, 0.0]
    places = np.array([target - [0.5, 0.0], target, [0.3, 2.0]])
    played = play(POOL, places, ("cue", "1", "2"), Strike(0, 1.2, 0.0, height=-0.4))
    game = a_game()
    for state in played.states:
        step = game.update(state)
    assert step.game.potted == ("1",)
    back = m.BallState(track=90, label="1", x_m=0.6, y_m=1.0)
    last = played.states[-1]
    for k in range(1, 50):
        state = last.model_copy(
            update={
                "frame": last.frame + k,
                "exposure_ns": last.exposure_ns + k * 33_000_000,
                "balls": (*last.balls, back),
            }
        )
        step = game.update(state)
    assert step.game.potted == ()


def test_reset_forgets_the_rack(played: Played) -> None:
    game = a_game()
    for state in played.states:
        game.update(state)
    game.reset()
    step = game.update(
        played.states[-1].model_copy(update={"exposure_ns": played.states[-1].exposure_ns + 1})
    )
    assert step.game.last_shot is None


def test_analysis_of_any_aim(played: Played) -> None:
    game = a_game()
    assert game.snapshot().phase is m.Phase.WAITING
    assert "no balls" in game.analyze(m.AnalyzeRequest()).detail
    for state in played.states[:20]:
        game.update(state)
    assert "nobody is aiming" in game.analyze(m.AnalyzeRequest()).detail
    found = game.analyze(m.AnalyzeRequest(angle_rad=ANGLE, speed=2.5)).prediction
    assert found is not None
    assert (found.target, found.speed) == ("1", 2.5)
    for state in aimed(played, 9.0)[20:35]:
        game.update(state)
    live = game.analyze(m.AnalyzeRequest()).prediction
    assert live is not None
    assert live.angle_rad == pytest.approx(ANGLE)
    others = [b for b in played.states[40].balls if b.label != "cue"]
    game.update(played.states[40].model_copy(update={"balls": tuple(others)}))
    assert "no cue ball" in game.analyze(m.AnalyzeRequest(angle_rad=0.0)).detail


def test_what_is_not_asked_for_stays_as_somebody_aims(played: Played) -> None:
    game = a_game()
    asked: list[Aim] = []
    predict = game._predictor.predict

    def spy(balls: Any, aim: Aim, *stamp: int) -> m.Prediction:
        asked.append(aim)
        return predict(balls, aim, *stamp)

    for state in aimed(played, 9.0)[:35]:
        assert state.cue is not None
        cue = state.cue.model_copy(update={"side": 0.4, "height": -0.5})
        game.update(state.model_copy(update={"cue": cue}))
    game._predictor.predict = spy  # type: ignore[method-assign,assignment]
    live = game.analyze(m.AnalyzeRequest()).prediction
    centre = game.analyze(m.AnalyzeRequest(side=0.0, height=0.0)).prediction
    assert live is not None
    assert centre is not None
    assert [(aim.side, aim.height) for aim in asked] == [(0.4, -0.5), (0.0, 0.0)]
    assert {aim.angle for aim in asked} == {asked[0].angle}
    # Draw brings the cue ball back from the contact, a ball struck in its middle follows.
    assert live.paths[0].points[-1] != pytest.approx(centre.paths[0].points[-1], abs=0.05)


def test_impossible_balls_are_a_sentence_not_an_error(played: Played) -> None:
    game = a_game()
    state = played.states[20]
    cue = next(b for b in state.balls if b.label == "cue")
    twin = cue.model_copy(update={"track": 77, "label": "3", "x_m": cue.x_m + 0.01})
    game.update(state.model_copy(update={"balls": (cue, twin)}))
    assert game.analyze(m.AnalyzeRequest(angle_rad=0.0)).detail


def test_what_is_wrong_is_said_on_the_cloth(played: Played) -> None:
    game = a_game()
    before = game.notice("camera lost: please wait", 5)
    assert [e.text for e in before.elements if isinstance(e, m.Text)] == [
        "camera lost: please wait"
    ]
    state = played.states[20].model_copy(
        update={
            "calibration": None,
            "balls": (),
            "quality": m.PictureQuality(usable=False, problem="is the lens covered?"),
        }
    )
    step = game.update(state)
    assert step.game.phase is m.Phase.WAITING
    texts = [e.text for e in step.scene.elements if isinstance(e, m.Text)]
    assert texts == ["is the lens covered?", "FILM, NOT LIVE"]
    assert len(game.notice("wait", 6).elements) == 2


def test_another_source_is_another_session(played: Played) -> None:
    game = a_game()
    for state in played.states:
        game.update(state)
    assert game.session is not None
    first = game.session.id
    other = m.SourceInfo(kind="simulated", name="virtual table")
    step = game.update(played.states[-1].model_copy(update={"source": other, "epoch": 9}))
    assert game.session.id != first
    assert step.game.shots == 0


def test_a_successor_goes_on_where_its_predecessor_stood(played: Played) -> None:
    game = a_game()
    assert game.standing() is None
    for state in played.states:
        game.update(state)
    standing = game.standing()
    assert standing is not None
    assert standing.shots == 1
    successor = Game(POOL, lambda _source: standing)
    step = successor.update(played.states[-1])
    assert (step.game.session, step.game.shots) == (standing.session.id, 1)
    assert step.game.last_shot == standing.last_shot
    assert successor.standing() == standing


def test_a_successor_knows_who_plays(played: Played) -> None:
    game = a_game()
    game.assist(m.AssistanceRequest(level=None, player="Ann"))
    for state in played.states:
        game.update(state)
    standing = game.standing()
    assert standing is not None
    assert Game(POOL, lambda _: standing).update(played.states[-1]).game.player == "Ann"
    told = Game(POOL, lambda _: standing)
    told.assist(m.AssistanceRequest(level=None, player="Ben"))
    assert told.update(played.states[-1]).game.player == "Ben"


def test_a_shot_belongs_to_whoever_struck_it(played: Played, tmp_path: Path) -> None:
    migrate(tmp_path)
    game = a_game(cue_speed=1.5)
    recorder = ShotRecorder(tmp_path)
    for shift, name in enumerate(("", "Ann", " Ann ", "Ben")):
        game.assist(m.AssistanceRequest(level=None, player=name))
        for state in aimed(played, 1.5):
            step = game.update(
                state.model_copy(
                    update={
                        "epoch": shift + 1,
                        "exposure_ns": state.exposure_ns + shift * 60_000_000_000,
                    }
                )
            )
            if any(e.kind is m.EventKind.BALL_COLLISION for e in step.events):
                game.assist(m.AssistanceRequest(level=None, player="who comes next"))
            if step.record is not None:
                recorder.record(step.record)
    assert recorder.close(20) == 0
    assert game.players.spread.factor == 1.0  # of who comes next: has not played yet
    log = ShotLog(tmp_path)
    shots = log.shots().shots
    sessions = log.sessions().sessions
    log.close()
    assert [shot.player for shot in shots] == ["Ben", "Ann", "Ann", ""]
    assert shots[1].player_id == shots[2].player_id
    assert len({shot.player_id for shot in shots}) == 3
    assert shots[3].player_id is None
    assert [session.players for session in sessions] == [("Ann", "Ben")]


def a_status(*alerts: m.Alert) -> m.SystemStatus:
    return m.SystemStatus(
        status=m.Level.HEALTHY,
        version="1",
        source="film",
        source_kind="film",
        uptime_s=1,
        environment="testing",
        alerts=alerts,
    )


# --- the process -------------------------------------------------------------------------------


def test_the_process_plays_records_and_answers(runtime_dir: Path, played: Played) -> None:
    with Stage(runtime_dir, "core", ("vision", "camera"), core={"stale_s": 0.5}) as stage:
        vision, camera = stage.players["vision"], stage.players["camera"]
        orchestrator = stage.players["orchestrator"]
        orchestrator.announce("system.alert", "system.status")
        vision.announce("table.state")
        camera.announce("camera.status")
        scenes = stage.reader.subscribe("scene")
        games = stage.reader.subscribe("game.state")
        events = stage.reader.subscribe("shot.event")
        recorded = stage.reader.subscribe("shot.recorded")
        stage.ready()
        empty = stage.reader.request("game.analyze", m.AnalyzeRequest())
        assert empty == m.AnalyzeReply(detail="there are no balls on the table")
        began = time.monotonic_ns()
        states = [
            s.model_copy(update={"exposure_ns": began + s.exposure_ns}) for s in aimed(played, 1.5)
        ]
        for state in states:
            vision.publish("table.state", state)
            time.sleep(0.002)
        summary = stage.until(lambda: recorded.receive(100), "recorded shot")
        assert isinstance(summary, m.ShotSummary)
        assert summary.recorded
        kinds = [e.kind.value for e in events.drain() if isinstance(e, m.ShotEvent)]
        assert kinds[0] == "shot_start"
        assert kinds[-1] == "shot_end"
        assert "ball_collision" in kinds
        game = stage.until(lambda: games.receive(100), "game state")
        assert isinstance(game, m.GameState)
        snapshot = stage.reader.request("game.snapshot", m.Empty())
        assert isinstance(snapshot, m.GameState)
        assert snapshot.last_shot == summary
        assert [e.kind.value for e in snapshot.shot_events] == kinds
        detail = ShotLog(stage.folder / "state").shot(summary.shot_id or "")
        assert detail is not None
        assert [e.kind.value for e in detail.shot_events] == kinds
        assert detail.prediction is not None
        reply = stage.reader.request("game.analyze", m.AnalyzeRequest(angle_rad=ANGLE))
        assert isinstance(reply, m.AnalyzeReply)
        assert reply.prediction is not None
        done = stage.reader.request("game.assistance", m.AssistanceRequest(level="drill"))
        assert done == m.Done(ok=True, detail="drill: stop shot")
        code = stage.reader.request("game.code", m.CodeRequest(text="http://here"))
        assert code == m.Done(ok=True)
        long = stage.reader.request("game.code", m.CodeRequest(text="\N{SNOWMAN}" * 200))
        assert isinstance(long, m.Done)
        assert long.ok == bool(not long.detail)

        def words_after(state: m.TableState) -> list[str]:
            vision.publish("table.state", state)
            scene = scenes.receive(100)
            assert scene is None or isinstance(scene, m.Scene)
            return [e.text for e in scene.elements if isinstance(e, m.Text)] if scene else []

        warning = m.Alert(
            epoch=1, sequence=1, raised_ns=1, severity="ERROR", name="disk", text="disk full",
            player="call the staff, please",
        )  # fmt: skip
        quiet = states[-1]

        def warned() -> bool | None:
            orchestrator.publish("system.alert", warning)
            return True if "call the staff, please" in words_after(quiet) else None

        stage.until(warned, "the alert on the cloth")
        orchestrator.publish("system.alert", warning.model_copy(update={"active": False}))
        stage.until(
            lambda: True if "call the staff, please" not in words_after(quiet) else None, "its end"
        )

        def standing() -> bool | None:
            orchestrator.publish("system.status", a_status(warning))
            return True if "call the staff, please" in words_after(quiet) else None

        stage.until(standing, "an alert from before it began")
        orchestrator.publish("system.status", a_status())
        stage.until(
            lambda: True if "call the staff, please" not in words_after(quiet) else None, "its end"
        )
        assert stage.reader.request("game.reset", m.Empty()) == m.Done(ok=True)
        stage.configure(2, {"core": {"assistance": "advanced", "stale_s": 0.5}})
        stage.beat(lambda beat: beat.config_number == 2, "new configuration")
        camera.publish(
            "camera.status",
            m.SourceStatus(source=FILM, state=m.SourceState.LOST, detail="unplugged"),
        )
        stage.beat(lambda b: "unplugged" in b.detail and b.level == "DEGRADED", "complaint")

        def lost() -> bool | None:
            scene = scenes.receive(100)
            texts = [e.text for e in scene.elements if isinstance(e, m.Text)] if scene else []
            return True if "camera lost: please wait" in texts else None

        stage.until(lost, "notice on the cloth")
        assert stage.stop() == 0


def test_each_player_is_shown_what_he_chose(tmp_path: Path) -> None:
    players = Players(tmp_path)
    game = Game(POOL, begin, GameSettings(), players)
    assert game.assist(m.AssistanceRequest(level="advanced", player="Ann")) == ""
    assert (game.assistance, players.name) == ("advanced", "Ann")
    players.learn("Ann", 3.0)
    game.assist(m.AssistanceRequest(level=None, player="Ben"))
    assert game.assistance == "beginner"
    assert players.spread.factor == 1.0
    game.assist(m.AssistanceRequest(level=None, player="Ann"))
    assert game.assistance == "advanced"
    assert game.assist(m.AssistanceRequest(level="drill")) == "drill: stop shot"
    players.close()
    again = Players(tmp_path)
    again.choose("Ann")
    assert again.level == "drill"
    assert again.spread.factor > 1.0
    again.close()
    (tmp_path / "guidance-players.json").write_text("{")
    assert Players(tmp_path).level is None


def test_predictions_name_the_physics_they_were_made_with(played: Played) -> None:
    slow = replace(for_table(POOL), mu_roll=0.03)
    game = a_game(physics=TablePhysics(slow, "physics-4"))
    game.update(played.states[20])
    reply = game.analyze(m.AnalyzeRequest(angle_rad=ANGLE + 1.0, speed=1.0))
    usual = a_game()
    usual.update(played.states[20])
    other = usual.analyze(m.AnalyzeRequest(angle_rad=ANGLE + 1.0, speed=1.0))
    assert reply.prediction is not None
    assert other.prediction is not None
    assert (reply.prediction.physics, other.prediction.physics) == ("physics-4", None)
    ways = [
        sum(math.dist(a, b) for a, b in pairwise(p.paths[0].points))
        for p in (reply.prediction, other.prediction)
    ]
    assert ways[0] < 0.7 * ways[1]


def test_a_drill_is_drawn_and_named(played: Played) -> None:
    game = a_game()
    wanted = m.Drill(
        name="two balls",
        balls=(m.DrillBall(label="cue", x_m=0.3, y_m=0.3), m.DrillBall(label="2", x_m=0.9, y_m=2)),
    )
    game.assist(m.AssistanceRequest(level="drill", drill=wanted))
    step = game.update(played.states[5])
    assert step.game.drill == "two balls"
    words = [e.text for e in step.scene.elements if isinstance(e, m.Text)]
    assert "set up  1: cue   2: 2" in words


def test_a_code_is_shown_while_nobody_aims(played: Played) -> None:
    game = a_game()
    with pytest.raises(ValueError, match="no picture"):
        game.show_code("http://here", 1.0)
    states = [s for s in played.states if s.exposure_ns < 1.4e9]
    game.update(states[0])
    game.show_code("http://here", 0.5)
    areas = [
        sum(isinstance(e, m.Area) for e in game.update(s).scene.elements) > 50 for s in states[1:]
    ]
    assert areas[0]
    assert not areas[-1]


def test_an_unused_table_goes_dark_and_wakes(played: Played) -> None:
    game = a_game(idle_s=10.0, night_s=60.0)
    first = played.states[20]
    game.update(first)

    def later(seconds: float, **more: object) -> m.Scene:
        at = first.exposure_ns + round(seconds * 1e9)
        return game.update(first.model_copy(update={"exposure_ns": at, **more})).scene

    idle = [e.text for e in later(20).elements if isinstance(e, m.Text)]
    assert "ready to play" in idle
    assert not later(70).elements
    tip = m.CueState(tip_m=(0.1, 0.1, 0.03), angle_rad=0.3)
    woken = later(71, cue=tip)
    assert not any(isinstance(e, m.Text) and "ready" in e.text for e in woken.elements)
