"""``billiards-trainer calibrate physics``: files in, a stored calibration out, put in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from billiards_trainer import physics_calibration
from billiards_trainer.calibration_store import CalibrationStore
from billiards_trainer.cli import main
from billiards_trainer.commands.track_file import read_tracks
from billiards_trainer.errors import InputError
from billiards_trainer.physics.fitting.tracks import TrackedShot
from billiards_trainer.physics.parameters import CushionModel, Models, for_table
from billiards_trainer.table import Table, preset

from .shots import POOL
from .test_fitting import TRUTH
from .tracked import tracked_shots


def write_csv(path: Path, shots: list[TrackedShot], unit: float = 1.0) -> Path:
    lines = ["match,file,ball,t_s,x,y"]
    for shot in shots:
        for track in shot.tracks:
            who = f"m,{shot.name}/{track.ball}.xml,ball {track.ball}"
            lines += [
                f"{who},{t:.6f},{x / unit:.6f},{y / unit:.6f}"
                for t, (x, y) in zip(track.times, track.places, strict=True)
            ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_lines(path: Path, shots: list[TrackedShot]) -> Path:
    records = [{"type": "event", "event": "shot_start", "t": 0.0}]
    for number, shot in enumerate(shots):
        for track in shot.tracks:
            for t, (x, y) in zip(track.times, track.places, strict=True):
                ball = {"track": int(track.ball), "label": "cue", "x_m": x, "y_m": y}
                records.append({"type": "state", "t": t + 60.0 * number, "balls": [ball]})
    path.write_text("\n".join(json.dumps(r) for r in records) + "\n\n")
    return path


@pytest.mark.compiled
def test_a_file_of_tracks_becomes_a_calibration_that_is_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shots = tracked_shots(POOL, TRUTH, 8, seed=5, fps=30.0)
    file = write_csv(tmp_path / "shots.csv", shots, unit=0.01)
    store = tmp_path / "calibrations"
    command = ["calibrate", "physics", str(file), "--unit", "0.01", "--store", str(store)]
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["id"] == "physics-1"
    rolling = report["parameters"]["mu_roll"]
    assert rolling["value"] == pytest.approx(TRUTH.mu_roll, rel=0.03)
    assert abs(report["slope_mm_per_m"]["y"]) < 0.5
    record = CalibrationStore(store).latest("physics")
    assert record is not None
    assert record.solved_from == ("shots.csv",)
    assert record.residual_mm == pytest.approx(1.0, abs=0.3)
    mine = physics_calibration.in_force(store, POOL)
    assert mine.calibration == "physics-1"
    assert mine.parameters.mu_roll == rolling["value"]
    assert mine.parameters.mu_spin == for_table(POOL).mu_spin
    # Another table has nothing of it, and other models have only the cloth.
    assert physics_calibration.in_force(store, preset("pool-7ft")).calibration is None
    assert physics_calibration.in_force(store, preset("carom-10ft")).calibration is None
    other = physics_calibration.in_force(store, POOL, Models(cushion=CushionModel.HAN_2005))
    assert other.parameters.e_cushion == for_table(POOL).e_cushion
    assert other.parameters.mu_roll == rolling["value"]


@pytest.mark.compiled
def test_sentences_and_what_track_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shots = tracked_shots(POOL, TRUTH, 3, seed=6, fps=30.0)
    file = write_lines(tmp_path / "film.jsonl", shots)
    assert main(["calibrate", "physics", str(file), "--no-store"]) == 0
    told = capsys.readouterr().out
    assert "rolling friction of the cloth" in told
    assert "not determined by these shots" in told
    assert "stored" not in told


def test_the_balls_of_one_folder_are_one_shot(tmp_path: Path) -> None:
    shots = tracked_shots(POOL, TRUTH, 2, fps=5.0)
    read = read_tracks(write_csv(tmp_path / "a.csv", shots, unit=0.01), POOL, 0.01)
    assert [len(shot.tracks) for shot in read] == [2, 2]
    assert read[0].tracks[0].places == pytest.approx(shots[0].tracks[0].places, abs=1e-6)
    one = read_tracks(write_lines(tmp_path / "b.jsonl", shots), POOL)
    assert len(one) == 1
    metres = tmp_path / "c.csv"
    metres.write_text("shot,ball,t,x_m,y_m\n1,cue,0,0.1,0.2\n1,cue,1,0.6,0.9\n2,cue,0,0.1,0.2\n")
    assert [shot.name for shot in read_tracks(metres, POOL, 0.01)] == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x,y\n1,2\n", "no column 'ball'"),
        ("ball,x,y\n1,2,3\n", "no column 't_s'"),
        ("ball,t,x,y\n", "holds no samples"),
        ("ball,t,x,y\ncue,0,a,1\n", "line 2: time and place must be numbers"),
        ("ball,t,x,y\ncue,0,nan,1\n", "no samples that are numbers"),
        ("ball,t,x,y\ncue,0,50,90\ncue,1,90,180\n", "is --unit wrong"),
        ("ball,t,x,y\ncue,0,0.01,0.01\ncue,1,0.02,0.02\n", "hand's breadth"),
        ('{"type": "state"}\n', "line 1 is not what"),
        ("{nonsense\n", "line 1 is not what"),
        ('{"type": "event"}\n', "holds no balls"),
        ("ball,t,x,y\ncue,0,0.1,0.1\ncue,1,0.9,1.2\n", "ways between contacts"),
    ],
)
def test_files_that_hold_no_shots_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    file = tmp_path / "tracks"
    file.write_text(content)
    assert main(["calibrate", "physics", str(file), "--store", str(tmp_path / "s")]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_flags_and_files_that_are_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tracks.csv"
    assert main(["calibrate", "physics", str(file)]) == 2
    assert "No such file" in capsys.readouterr().err
    file.write_bytes(b"\xff\xfe\x00")
    assert main(["calibrate", "physics", str(file)]) == 2
    assert "UTF-8" in capsys.readouterr().err
    assert main(["calibrate", "physics", str(file), "--unit", "-1"]) == 2
    assert main(["calibrate", "physics", str(file), "--cushion", "rubber"]) == 2
    assert "known are mirror" in capsys.readouterr().err


@pytest.mark.parametrize(
    "parameters", [{"mu_slide": {"value": 9.0}}, {"speed": {"value": 1.0}}, {"mu_slide": 3}, None]
)
def test_a_calibration_that_no_table_can_have_is_refused(
    tmp_path: Path, parameters: object
) -> None:
    about = {"game": "pool", "length": POOL.length, "width": POOL.width}
    store = CalibrationStore(tmp_path)
    data = {"table": about, "parameters": parameters}
    store.save(data, residual_mm=1.0, solved_from=("x",), kind="physics")
    with pytest.raises(InputError, match="physics-1: field parameters"):
        physics_calibration.in_force(tmp_path, POOL)
    # One that does not say of which table it is, is of none.
    other = tmp_path / "other"
    CalibrationStore(other).save(
        {"table": {"game": "pool"}}, residual_mm=1.0, solved_from=("x",), kind="physics"
    )
    assert physics_calibration.in_force(other, POOL).calibration is None


@pytest.mark.data
@pytest.mark.compiled
def test_tracks_of_real_matches_give_figures_of_a_real_table(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (data_dir / "trajectories" / "tracks.csv").read_text().splitlines()
    part = tmp_path / "part.csv"
    part.write_text("\n".join(whole[:4000]) + "\n")
    command = ["calibrate", "physics", str(part), "--unit", "0.0135"]
    assert main([*command, "--no-store", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # Alciatore's ranges for pool cloth: 0.15 to 0.4 sliding, 0.005 to 0.015 rolling.
    assert 0.15 < found["parameters"]["mu_slide"]["value"] < 0.4
    assert 0.005 < found["parameters"]["mu_roll"]["value"] < 0.015


def test_a_table_finds_its_newest_calibration_behind_those_of_others(tmp_path: Path) -> None:
    small = preset("pool-7ft")

    def keep(table: Table, value: float) -> str:
        found = {"mu_slide": {"value": value, "std": 0.001, "count": 9}}
        record = physics_calibration.keep(
            tmp_path, table, found, {}, models=Models(), residual_mm=1.0, solved_from=("a",)
        )
        return record.id

    keep(POOL, 0.21)
    mine = keep(POOL, 0.22)
    gone = keep(POOL, 0.23)
    keep(small, 0.24)
    newest = keep(small, 0.25)
    (tmp_path / f"{gone}.json").write_text("{")
    found = physics_calibration.in_force(tmp_path, POOL)
    assert (found.calibration, found.parameters.mu_slide) == (mine, 0.22)
    assert physics_calibration.in_force(tmp_path, small).calibration == newest
    assert physics_calibration.in_force(tmp_path, preset("carom-10ft")).calibration is None


@pytest.mark.compiled
def test_the_configured_models_are_fitted_unless_others_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shots = tracked_shots(POOL, TRUTH, 4, seed=5, fps=30.0)
    file = write_csv(tmp_path / "shots.csv", shots, unit=0.01)
    command = ["calibrate", "physics", str(file), "--unit", "0.01", "--no-store", "--json"]
    configured = ["--set", "physics.cushion=han_2005", "--set", "physics.ball_ball=coulomb"]
    for flags, named in (
        ([], {"ball_ball": "coulomb", "cushion": "han_2005"}),
        (["--cushion", "mirror"], {"ball_ball": "coulomb", "cushion": "mirror"}),
    ):
        assert main([*command, *configured, *flags]) == 0
        assert json.loads(capsys.readouterr().out)["models"] == named
