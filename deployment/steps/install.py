"""The new version in a folder and a virtual environment of its own."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from deployment import files, releases
from deployment.errors import Failed
from deployment.plan import Context, Step
from deployment.shell import run


def do(context: Context) -> None:
    """Make the environment anew; a half-made one is thrown away."""
    release, wheel = context.release, context.wheel
    if wheel is None:
        raise Failed(f"{release} is not a finished release and there is no wheel to make it from")
    files.remove(release)
    release.mkdir(parents=True, mode=0o755)
    wheels = release / "wheel"
    wheels.mkdir()
    kept = wheels / wheel.path.name
    shutil.copyfile(wheel.path, kept)
    if files.sha256(kept) != wheel.sha256:
        raise Failed(f"{wheel.path} changed while it was copied")

    run([str(context.option("python")), "-m", "venv", release / "venv"])
    _install(context, kept)
    python = release / "venv/bin/python"
    run([python, "-m", "pip", "check", "--disable-pip-version-check"])
    # Compiled here, by all cores: the appliance's user cannot write, and must not have to.
    run([python, "-m", "compileall", "-q", "-j", "0", release / "venv/lib"])

    (release / "page").symlink_to(_page(release))
    for name in ("deployment", "docs"):
        (release / name).symlink_to(Path("venv/share/billiards-trainer") / name)
    files.write(release / "environment", _environment(context))
    record = {
        "version": context.version,
        "installed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "wheel_sha256": wheel.sha256,
        "runtime": context.option("runtime"),
        "python": run([python, "--version"]).strip(),
    }
    run(["sync", "-f", release])
    files.write_json(release / releases.RECORD, record)


def _install(context: Context, wheel: Path) -> None:
    pip: list[str | Path] = [context.release / "venv/bin/python", "-m", "pip", "install"]
    pip += ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    lock, house = context.release / "requirements.txt", context.wheelhouse
    assert context.wheel is not None
    text, offline = releases.lock_for(context.wheel, house, str(context.option("runtime")))
    files.write(lock, text)
    # Offline: what is in the folder and nothing else, each file as it was when it was put in.
    source: list[str | Path] = ["--no-index", "--find-links", house] if offline and house else []
    run([*pip, *source, "--require-hashes", "--no-deps", "-r", lock])
    run([*pip, "--no-index", "--no-deps", wheel])
    vendor = context.option("onnxruntime_wheel")
    if vendor:
        run([*pip, "--no-index", "--no-deps", vendor])


def _page(release: Path) -> Path:
    found = sorted(release.glob("venv/lib/python3*/site-packages/billiards_trainer/api/static"))
    if not found or not (found[0] / "index.html").is_file():
        raise Failed("the wheel carries no page: build it with deployment/wheelhouse.py")
    return found[0].relative_to(release)


def _environment(context: Context) -> str:
    """What the service and the command line for technicians both start with."""
    return (
        f"BILLIARDS_LOGGING_FILE={context.layout.log_file}\n"
        f"BILLIARDS_CONFIG={context.layout.site_file}\n"
        f"XDG_CACHE_HOME={context.layout.cache(context.version)}\n"
    )


def undo(context: Context) -> None:
    """Take the folder away, unless the appliance runs from it."""
    if releases.current(context.layout) != context.version:
        files.remove(context.release)


def verify(context: Context) -> bool:
    """The version is there, whole."""
    return releases.read(context.layout, context.version) is not None


STEP = Step("install", "install the new version beside the old", do, undo, verify)
