"""The compile cache has a place of its own for each state of the sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from billiards_trainer.physics import batch_loop, compilation, loop, placing, warmup
from billiards_trainer.physics.batch import simulate_batch
from billiards_trainer.physics.engine import simulate
from billiards_trainer.physics.parameters import PhysicsParameters
from billiards_trainer.physics.state import BallsState
from billiards_trainer.physics.strike import Strike
from billiards_trainer.table import preset


def test_the_package_imports_no_compiler() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, billiards_trainer.physics, billiards_trainer.physics.parameters, "
            "billiards_trainer.physics.state, billiards_trainer.physics.strike;"
            "sys.exit('numba' in sys.modules)",
        ],
        check=False,
    )
    assert done.returncode == 0


def test_the_processor_has_a_name_and_the_sources_a_digest() -> None:
    assert compilation.processor_name()
    assert compilation.source_digest() == compilation.source_digest()
    assert len(compilation.source_digest()) == 16


def test_the_cache_lies_in_the_environment_or_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/elsewhere")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert compilation.cache_root() == tmp_path / "var" / "billiards-trainer" / "kernels"
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert compilation.cache_root() == tmp_path / "cache" / "billiards-trainer" / "kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert compilation.cache_root().parent.parent.name == ".cache"


def test_a_processor_that_says_nothing_still_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert compilation.processor_name()


def test_warming_up_says_where_the_kernels_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert warmup.warm_up() >= 0.0
    assert warmup.main() == 0
    assert os.environ["NUMBA_CACHE_DIR"] in capsys.readouterr().out


def test_old_kernels_are_forgotten_but_not_those_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(compilation, "cache_root", lambda: tmp_path)
    present = tmp_path / compilation.source_digest()
    for folder in (present, tmp_path / "old"):
        folder.mkdir()
        (folder / "kernel.nbc").write_bytes(b"x")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere/else")
    assert warmup.forget_old_kernels() == 0
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(present))
    assert warmup.forget_old_kernels() == 1
    assert [p.name for p in tmp_path.iterdir()] == [present.name]


@pytest.mark.compiled
def test_a_warm_cache_is_used_by_the_next_process(tmp_path: Path) -> None:
    code = (
        "from billiards_trainer.physics import roots\n"
        "roots.falling_root(1.0, -1.0, 0.0)\n"
        "print(sum(roots.falling_root.stats.cache_hits.values()))"
    )
    hits = [
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        ).stdout.strip()
        for _ in range(2)
    ]
    assert hits == ["0", "1"]


@pytest.mark.compiled
def test_nothing_is_compiled_anew_for_inputs_of_other_types() -> None:
    warmup.warm_up()
    kernels = (
        loop.classify,
        loop.begin,
        loop.proceed,
        loop.bring_to,
        placing.place,
        batch_loop.run_batch,
    )
    table = preset("snooker-12ft")
    state = BallsState.at_rest([[0.6, 0.6], [0.6, 1.5]], table.balls.radius)
    wide = np.zeros((2, 6))
    wide[:, :3] = state.position
    strided = BallsState(wide[:, :3], state.velocity, state.spin, state.motion[::1])
    integers = PhysicsParameters(gravity=9, e_ball=1, radius=table.balls.radius)
    simulate(table, strided, None, max_time=3, max_events=np.int32(50), tolerance=0)
    simulate(table, state, Strike(0, 1, 1), parameters=integers, deadline_ns=1)
    positions = np.asfortranarray(np.tile(state.position[:, :2], (3, 1, 1)))
    positions.flags.writeable = False
    blows = np.zeros((3, 16))[:, ::2]
    blows[:, 1] = 1
    blows[:, 6:] = 1
    blows.flags.writeable = False
    simulate_batch(table, positions, blows, max_time=3, max_events=np.int32(50))
    assert [len(kernel.signatures) for kernel in kernels] == [1] * len(kernels)
