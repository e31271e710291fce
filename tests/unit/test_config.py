"""Configuration: layers, blame, snapshots, and changes that are kept."""

from __future__ import annotations

import math
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from billiards_trainer import places
from billiards_trainer.config.layers import Layers, key_lines
from billiards_trainer.config.schema import VERSION, Config
from billiards_trainer.config.snapshot import read_snapshot, write_snapshot
from billiards_trainer.config.store import ConfigStore
from billiards_trainer.errors import InputError


def load(
    tmp_path: Path,
    text: str | None = None,
    environ: dict[str, str] | None = None,
    **command_line: object,
) -> Config:
    site = None
    if text is not None:
        site = tmp_path / "site.toml"
        site.write_text(text)
    return Layers(environ=environ or {}, command_line=command_line, site_file=site).load()


def test_a_stronger_layer_wins(tmp_path: Path) -> None:
    text = "[api]\nport = 1111\nhost = '127.0.0.2'\n[core]\nassistance = 'off'\n"
    config = load(
        tmp_path, text, {"BILLIARDS_API_PORT": "2222", "HOME": "/x"}, api={"preview_fps": 5}
    )
    assert config.api.port == 2222
    assert config.api.host == "127.0.0.2"
    assert config.api.preview_fps == 5
    assert config.core.assistance == "off"
    assert load(tmp_path, text, {"BILLIARDS_API_PORT": "2222"}, api={"port": "33"}).api.port == 33


def test_profiles_are_weaker_than_files(tmp_path: Path) -> None:
    assert load(tmp_path, environment="testing").api.port == 0
    assert load(tmp_path, "environment = 'testing'\n[api]\nport = 81\n").api.port == 81
    assert load(tmp_path, environ={"BILLIARDS_ENVIRONMENT": "testing"}).api.port == 0
    assert load(tmp_path, environ={"BILLIARDS_SYSTEM_MODULES_OFF": "core, api"}).system == (
        Config().system.model_copy(update={"modules_off": ("core", "api")})
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[source]\n\nurll = 'x'\n", "site.toml, line 3: unknown key source.urll"),
        ("nonsense = 1\n", "site.toml, line 1: unknown key nonsense"),
        ("[sorce]\nurl = 'x'\n", "site.toml, line 1: unknown key sorce"),
        ("[api]\n# port\nport = 70000\n", "site.toml, line 3: api.port: input should be less"),
        ("[api]\nport = 'web'\n", "site.toml, line 2: api.port: input should be a valid integer"),
        ("[api\nport = 1\n", "not valid TOML"),
        ("[table]\npreset = 'pool-10ft'\n", "line 2: table.preset: known tables are pool-7ft"),
        ("[table]\nlength = 1.0\nwidth = 2.0\n", "is not a table"),
        ("environment = 'moon'\n", "line 1: unknown environment 'moon'; known are development"),
        ("[api]\nport = inf\n", "line 2: api.port"),
        ("[source]\nfps = nan\n", "line 2: source.fps"),
        ("[source]\nurl = 'ftp://host/film'\n", "site.toml, line 2: source.url: ftp://"),
        ("[source]\nfallback_url = 'a.mp4'\n", "line 2: source.fallback_url: the second camera"),
        ("[simulation]\nrack = 'snooker'\n", "line 2: simulation.rack: a pool table has no"),
        (
            "[[recovery.policies]]\nproblem = 'camera'\nremedy = 'FAILOVER'\n"
            "[[recovery.policies]]\nproblem = 'camera'\nremedi = 'FAILOVER'\n",
            "site.toml, line 6: unknown key recovery.policies.1.remedi",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_variables_that_are_no_keys_are_left_alone(tmp_path: Path) -> None:
    environ = {f"BILLIARDS_{name}": "x" for name in ("CONFIG", "DATA", "ONNX_PROVIDERS")}
    assert load(tmp_path, environ=environ) == load(tmp_path)


def test_variables_and_files_that_are_wrong_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"BILLIARDS_API_PORT: api\.port"):
        load(tmp_path, environ={"BILLIARDS_API_PORT": "http"})
    with pytest.raises(InputError, match=r"BILLIARDS_API_PROT: unknown key api\.prot"):
        load(tmp_path, environ={"BILLIARDS_API_PROT": "1"})
    with pytest.raises(InputError, match=r"unknown key nothing"):
        load(tmp_path, environ={"BILLIARDS_NOTHING_X": "1"})
    with pytest.raises(InputError, match=r"cannot read .*absent"):
        Layers(environ={}, command_line={}, site_file=tmp_path / "absent").load()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not valid TOML"):
        Layers(environ={}, command_line={}, site_file=tmp_path / "binary").load()


def test_production_names_its_camera_and_stays_on_loopback(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="production needs a camera"):
        load(tmp_path, environment="production")
    with pytest.raises(InputError, match="without authentication"):
        load(tmp_path, environment="production", source={"url": "v4l2:0"}, api={"host": "0.0.0.0"})
    named = load(tmp_path, environment="production", source={"url": "simulated"})
    assert named.logging.json_lines


def test_lines_of_keys() -> None:
    text = "a = 1\n[x.y]\nb.c = 2\n  d=3\n# e = 4\n[ z ]\n[[ l ]]\nf = 5\n[[l]]\nf = 6\n"
    assert key_lines(text) == {
        ("a",): 1,
        ("x", "y"): 2,
        ("x", "y", "b", "c"): 3,
        ("x", "y", "d"): 4,
        ("z",): 6,
        ("l",): 7,
        ("l", "0"): 7,
        ("l", "0", "f"): 8,
        ("l", "1"): 9,
        ("l", "1", "f"): 10,
    }


def test_a_measured_table_comes_from_the_configuration(tmp_path: Path) -> None:
    text = "[table]\nlength = 1.881\nwidth = 0.943\ngame = 'snooker'\nball_diameter = 0.0523\n"
    table = load(tmp_path, text).table.to_table()
    assert (table.length, table.width, table.game) == (1.881, 0.943, "snooker")
    assert table.balls.diameter == 0.0523
    assert load(tmp_path).table.to_table().name == "pool-9ft"


def test_pockets_and_cushions_measured_by_hand(tmp_path: Path) -> None:
    def corner(table: dict[str, object]) -> tuple[str, float, float]:
        found = load(tmp_path, table=table).table.to_table()
        (x0, y0), (x1, y1) = found.pockets[0].jaws
        return found.name, round(math.hypot(x1 - x0, y1 - y0), 4), found.cushion_height

    assert corner({})[1:] == (0.1159, 0.0363)
    assert corner({"pockets": "tight"})[:2] == ("pool-9ft", 0.1079)
    assert corner({"pockets": "tight", "corner_mouth": 0.11})[1] == 0.11
    assert corner({"length": 2.0, "width": 1.0, "corner_mouth": 0.12, "cushion_height": 0.035}) == (
        "measured",
        0.12,
        0.035,
    )
    with pytest.raises(InputError, match="table: a carom table has no pockets"):
        load(tmp_path, table={"preset": "carom-10ft", "pockets": "loose"})
    with pytest.raises(InputError, match=r"table\.corner_mouth"):
        load(tmp_path, table={"corner_mouth": 3})


def test_every_key_says_what_it_is() -> None:
    for name, section in Config.model_fields.items():
        if name in ("environment", "version"):
            continue
        assert section.annotation is not None
        for key, field in section.annotation.model_fields.items():
            assert field.description, f"{name}.{key}"
            assert not field.is_required(), f"{name}.{key}"


@pytest.fixture
def store(tmp_path: Path) -> ConfigStore:
    site = tmp_path / "site.toml"
    site.write_text("# by hand\n[core]\nassistance = 'off'\n")
    layers = Layers(
        environ={},
        command_line={"api": {"port": "8123"}},
        site_file=site,
        changes_file=tmp_path / "settings.toml",
    )
    return ConfigStore(layers, layers.load(), tmp_path)


def test_a_change_is_numbered_kept_and_handed_out(store: ConfigStore, tmp_path: Path) -> None:
    change = store.put({"core": {"assistance": "advanced"}, "source": {"fps": 25}})
    assert change.changed == ("core.assistance", "source.fps")
    assert change.needs_restart == ("source.fps",)
    assert "after a restart: source.fps" in change.sentence
    number, config = read_snapshot(store.path)
    assert (number, config) == (2, store.config)
    assert config.core.assistance == "advanced"
    assert (tmp_path / "settings.toml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "site.toml").read_text().startswith("# by hand")
    again = Layers(environ={}, command_line={}, changes_file=tmp_path / "settings.toml").load()
    assert again.source.fps == 25
    back = store.put({"core": {"assistance": None}})
    assert back.needs_restart == ()
    assert store.config.core.assistance == "off"
    assert store.put({}).sentence == "nothing changed"
    assert store.number == 3
    assert not (tmp_path / "config-1.json").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"core": {"assistence": "off"}}, r"unknown key core\.assistence"),
        ({"core": {"assistance": "much"}}, r"core\.assistance"),
        ({"cor": {"x": 1}}, "unknown key cor"),
        ({"debug": True}, "unknown key debug"),
        ({"environment": "production"}, "cannot be changed"),
        ({"storage": {"state_dir": "/"}}, "only be set on the machine itself"),
        ({"table": {"length": 1.0, "width": 1.5}}, "not a table"),
        ({"source": {"url": "rtps://camera/"}}, "not a camera's address"),
        ({"source": {"url": "/no/such/film.mp4"}}, "there is no film"),
        ({"source": {"fallback_url": "simulated"}}, "must be a real one"),
        ({"simulation": {"rack": "carom"}}, "has no carom rack"),
    ],
)
def test_a_wrong_change_changes_nothing(
    store: ConfigStore, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    before = store.config
    with pytest.raises(InputError, match=said):
        store.put(changes)
    assert store.config == before
    assert store.number == 1
    assert not (tmp_path / "settings.toml").exists()
    store.put({"core": {"assistance": "drill"}})
    kept = (tmp_path / "settings.toml").read_bytes()
    with pytest.raises(InputError, match=said):
        store.put(changes)
    assert (tmp_path / "settings.toml").read_bytes() == kept


def test_reading_the_files_again(store: ConfigStore, tmp_path: Path) -> None:
    assert store.reload().changed == ()
    (tmp_path / "site.toml").write_text("[core]\nassistance = 'drill'\n")
    assert store.reload().changed == ("core.assistance",)
    (tmp_path / "site.toml").write_text("[core]\nassistance = 'drool'\n")
    with pytest.raises(InputError, match=r"site.toml, line 2: core\.assistance"):
        store.reload()
    assert store.config.core.assistance == "drill"


def test_a_store_without_a_file_says_so(tmp_path: Path) -> None:
    layers = Layers(environ={}, command_line={})
    with pytest.raises(InputError, match="keeps no changes"):
        ConfigStore(layers, layers.load(), tmp_path).put({"core": {"assistance": "off"}})


def test_snapshots_survive_the_way_and_damage_is_named(tmp_path: Path) -> None:
    config = Config()
    path = write_snapshot(tmp_path, 7, config)
    assert read_snapshot(path) == (7, config)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{}")
    with pytest.raises(InputError, match="cannot read the configuration"):
        read_snapshot(path)


def test_places_follow_systemd_then_the_desktop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = Config()
    for name in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert places.runtime_dir(config).parent == Path("/tmp")
    assert places.state_dir(config) == Path.home() / ".local/state/billiards-trainer"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/x/state")
    assert places.runtime_dir(config) == Path("/run/user/7/billiards-trainer")
    assert places.state_dir(config) == Path("/home/x/state/billiards-trainer")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/bt:/var/lib/other")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/bt")
    assert places.runtime_dir(config) == Path("/run/bt")
    assert places.state_dir(config) == Path("/var/lib/bt")
    assert places.ring_path(config, "camera").parent == Path("/dev/shm")
    named = Config.model_validate(
        {"system": {"runtime_dir": "/a/b"}, "storage": {"state_dir": "/c"}}
    )
    assert places.runtime_dir(named) == Path("/a/b")
    assert places.state_dir(named) == Path("/c")
    assert places.ring_path(named, "light") != places.ring_path(config, "light")


def test_a_private_folder_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    places.make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    places.make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(InputError, match="is not a folder"):
        places.make_private(tmp_path / "link")
    with pytest.raises(InputError, match="cannot use the folder"):
        places.make_private(Path("/proc/nothing/here"))


def test_the_reference_is_the_schema() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, str(root / "scripts" / "configuration_reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr


def test_changes_are_kept_in_the_present_format(store: ConfigStore, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[system]\nmonitoring = false\n")  # as version 1 had it
    store.put({"core": {"assistance": "drill"}})
    kept = tomllib.loads(file.read_text())
    assert kept["version"] == VERSION
    assert (kept["core"], kept["monitoring"]) == ({"assistance": "drill"}, {"enabled": False})
    assert store.config.monitoring.enabled is False
