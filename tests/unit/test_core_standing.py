"""What a core leaves for the one that is started after it was killed."""

from __future__ import annotations

from pathlib import Path

from billiards_trainer import messages as m
from billiards_trainer.core.standing import FILE, Standing, StandingFile
from tests.unit.storage_samples import a_session

SOURCE = m.SourceInfo(kind="simulated", name="virtual table")
STANDING = Standing(a_session(), 7, ("3", "5"), m.ShotSummary(number=7, recorded=True))


def test_it_is_found_again_by_the_same_table_and_source(tmp_path: Path) -> None:
    assert StandingFile(tmp_path).left(SOURCE, "pool-9ft") is None
    StandingFile(tmp_path).keep(STANDING)
    assert StandingFile(tmp_path).left(SOURCE, "pool-9ft") == STANDING
    assert StandingFile(tmp_path).left(SOURCE, "snooker") is None
    film = m.SourceInfo(kind="film", name="x.mp4")
    assert StandingFile(tmp_path).left(film, "pool-9ft") is None
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_it_is_written_only_when_it_is_news(tmp_path: Path) -> None:
    kept = StandingFile(tmp_path)
    kept.keep(STANDING)
    (tmp_path / FILE).unlink()
    kept.keep(STANDING)
    assert not (tmp_path / FILE).exists()


def test_rubbish_and_a_folder_that_is_gone_cost_a_session_no_more(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"session": 3}')
    assert StandingFile(tmp_path).left(SOURCE, "pool-9ft") is None
    StandingFile(tmp_path / "gone").keep(STANDING)
