"""Models: what is used, what is refused, and the way back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from billiards_trainer.cli import main
from billiards_trainer.models import registry
from billiards_trainer.models.registry import ModelError


def model(folder: Path, version: str = "2", content: bytes = b"weights", **changes: object) -> Path:
    """A model file with its card."""
    folder.mkdir(parents=True, exist_ok=True)
    card: dict[str, object] = {
        "name": "identity",
        "version": version,
        "contract": "identity/1",
        "sha256": hashlib.sha256(content).hexdigest(),
        "data": {"seed": 1},
        **changes,
    }
    (folder / "new.onnx").write_bytes(content)
    (folder / "new.json").write_text(json.dumps(card))
    return folder / "new.onnx"


def test_what_ships_is_sound_and_small() -> None:
    for name in registry.names(None):
        card = registry.in_force(name, None)
        assert len(registry.verify(card, [card.contract])) < 5_000_000
        assert {"date", "script", "data", "figures_virtual"} <= set(card.data)


def test_a_newer_model_is_put_in_and_taken_back(tmp_path: Path) -> None:
    site = tmp_path / "models"
    shipped = registry.in_force("identity", site)
    assert shipped.shipped
    registry.install(model(tmp_path / "a", "2"), site)
    assert registry.in_force("identity", site) == shipped
    registry.use("identity", "2", site)
    assert registry.in_force("identity", site).version == "2"
    registry.install(model(tmp_path / "b", "3", b"other"), site)
    registry.use("identity", "3", site)
    assert registry.verify(registry.in_force("identity", site), ["identity/1"]) == b"other"
    assert registry.rollback("identity", site).version == "2"
    assert registry.rollback("identity", site) == shipped
    with pytest.raises(ModelError, match="no other version"):
        registry.rollback("identity", site)
    registry.use("identity", shipped.version, site)
    assert registry.in_force("identity", site) == shipped


def test_what_does_not_match_is_refused(tmp_path: Path) -> None:
    site = tmp_path / "models"
    file = model(tmp_path / "a")
    card = registry.install(file, site)
    with pytest.raises(ModelError, match="there already"):
        registry.install(file, site)
    with pytest.raises(ModelError, match="contract identity/1, this program uses identity/9"):
        registry.verify(card, ["identity/9"])
    card.file.write_bytes(b"damaged")
    with pytest.raises(ModelError, match="checksum"):
        registry.verify(card, ["identity/1"])
    with pytest.raises(ModelError, match="checksum"):
        registry.use("identity", "2", site)
    card.file.unlink()
    with pytest.raises(ModelError, match="no such file"):
        registry.verify(card, ["identity/1"])
    with pytest.raises(ModelError, match="there is no model identity 7"):
        registry.use("identity", "7", site)
    with pytest.raises(ModelError, match="no model 'cue' ships"):
        registry.in_force("cue", site)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a model's card"),
        ("{}", "'name'"),
        ('{"name":"a","version":1,"contract":"c","sha256":"d"}', "are texts"),
        ('{"name":"a","version":"../x","contract":"c","sha256":"d"}', "letters, digits"),
    ],
)
def test_broken_cards(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "new.json"
    with pytest.raises(ModelError, match="no such file"):
        registry.read_card(path)
    path.write_text(text)
    with pytest.raises(ModelError, match=reason):
        registry.read_card(path)


def test_a_chosen_model_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / registry.IN_FORCE).write_text('{"identity": ["5"]}')
    with pytest.raises(ModelError, match="identity 5 that was chosen is not there"):
        registry.in_force("identity", tmp_path)
    for text, reason in (("[", "not JSON"), ("[]", "not a list"), ('{"a": [1]}', "not a list")):
        (tmp_path / registry.IN_FORCE).write_text(text)
        with pytest.raises(ModelError, match=reason):
            registry.in_force("identity", tmp_path)


def test_a_card_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    registry.install(model(tmp_path / "a"), tmp_path / "models")
    broken = tmp_path / "models" / "identity" / "0"
    broken.mkdir()
    (broken / "identity.json").write_text("{")
    found = registry.available("identity", tmp_path / "models")
    assert [c.version for c in found][1:] == ["2"]


def test_nothing_half_written_where_there_is_no_room(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ModelError, match="not a directory"):
        registry.install(model(tmp_path / "a"), blocked)
    site = tmp_path / "models"
    registry.install(model(tmp_path / "b", "4"), site)
    (site / registry.IN_FORCE).mkdir()
    with pytest.raises(ModelError, match="directory"):
        registry.use("identity", "4", site)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--set", f"storage.state_dir={tmp_path}", "--json"]
    shipped = registry.in_force("identity", None).version
    assert main(["models", "list", *state]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(e["version"], e["in_force"]) for e in listed["models"]] == [(shipped, True)]
    assert "CPUExecutionProvider" in listed["status"]
    file = model(tmp_path / "a", "2026.1")
    assert main(["models", "install", str(file), *state]) == 0
    assert main(["models", "use", "identity", "2026.1", *state]) == 0
    capsys.readouterr()
    assert main(["models", "list", *state[:2]]) == 0
    text = capsys.readouterr().out
    assert "* identity 2026.1 (site, identity/1)" in text
    # Those bytes are no network: the shipped one works on, and the reason is said.
    assert f"told apart by identity {shipped}" in text
    assert main(["models", "rollback", "identity", *state[:2]]) == 0
    assert f"identity {shipped}: in force again" in capsys.readouterr().out
    assert main(["models", "rollback", "identity", *state]) == 2
    (tmp_path / "models" / registry.IN_FORCE).write_text('{"identity": ["9"]}')
    assert main(["models", "list", *state]) == 1
    (tmp_path / "models" / registry.IN_FORCE).unlink()
    (tmp_path / "models" / "identity" / "2026.1" / "identity.onnx").write_bytes(b"damaged")
    capsys.readouterr()
    assert main(["models", "list", *state[:2]]) == 1
    assert "checksum" in capsys.readouterr().out
