"""``bench ipc``: what it costs to hand pictures, messages and commands to another process.

Two real processes, as in the appliance: this one writes and publishes, the other reads, and says
how old each thing was when it had it whole.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from billiards_trainer import messages as m
from billiards_trainer.errors import InputError

_WIDTH, _HEIGHT = 1280, 720
_TOPICS = ("camera.frame", "table.state", "scene")
_MOST = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many, and how fast."""
    parser.add_argument("--count", type=int, default=600, help="pictures and messages of each kind")
    parser.add_argument("--rate", type=float, default=60.0, help="of each in a second")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print.

    Raises:
        InputError: senseless numbers.
    """
    if not 1 <= arguments.count <= _MOST:
        raise InputError(f"--count: {arguments.count} is not between 1 and {_MOST}")
    if not 1 <= arguments.rate <= 1000:
        raise InputError(f"--rate: {arguments.rate:g} is not between 1 and 1000")
    with tempfile.TemporaryDirectory(prefix="bt-", dir="/tmp") as folder:
        measures = measure(Path(folder), arguments.count, arguments.rate)
    if arguments.json:
        print(json.dumps({"rate_hz": arguments.rate, "measures": measures}, indent=2))
    else:
        for name, v in measures.items():
            print(f"{name:28} median {v['median']:8.3f}   p99 {v['p99']:8.3f}   n {v['count']}")
    return 0


def measure(folder: Path, count: int, rate_hz: float) -> dict[str, dict[str, float]]:
    """Milliseconds, by what was handed over; each with median, p99 and count."""
    import numpy as np

    from billiards_trainer.bus import Bus
    from billiards_trainer.frames import RingWriter, create_ring, remove_ring, slot_bytes_for

    ring = Path("/dev/shm") / f"{folder.name}-camera"
    create_ring(ring, 6, slot_bytes_for(_WIDTH, _HEIGHT))
    camera, vision, core = (Bus(folder, name) for name in ("camera", "vision", "core"))
    writer = RingWriter(ring)
    picture = np.random.default_rng(1).integers(0, 256, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)
    times: dict[str, list[float]] = defaultdict(list)
    reader = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), str(ring), str(os.getpid())],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:

        def send(number: int) -> None:
            begin = time.monotonic_ns()
            sequence = writer.write(picture, frame=number, exposure_ns=begin)
            times["ring write"].append((time.monotonic_ns() - begin) / 1e6)
            camera.publish("camera.frame", _frame(number, begin, sequence))
            vision.publish("table.state", _state(number, time.monotonic_ns()))
            core.publish("scene", _scene(number, time.monotonic_ns()))

        _until_read(core, reader, send)
        pause = 1 / rate_hz
        due = time.monotonic()
        for number in range(1, count + 1):
            send(number)
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))
        for _ in range(count):
            begin = time.monotonic_ns()
            core.request("game.assistance", m.AssistanceRequest(level="off"))
            times["command and answer"].append((time.monotonic_ns() - begin) / 1e6)
        core.request("game.reset", m.Empty())  # the reader's sign to end
        said, _ = reader.communicate(timeout=20)
    finally:
        if reader.poll() is None:
            reader.kill()
            reader.wait()
        for bus in (camera, vision, core):
            bus.close()
        writer.close()
        remove_ring(ring)
    for name, values in json.loads(said).items():
        times[name] += values
    return {name: _summary(values) for name, values in times.items()}


def _until_read(core: Any, reader: subprocess.Popen[str], send: Callable[[int], None]) -> None:
    """Send until the reader has each kind, so that connecting is not measured."""
    from billiards_trainer.bus import CommandTimeout

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and reader.poll() is None:
        send(0)
        try:
            answer = core.request("game.analyze", m.AnalyzeRequest(), timeout_s=0.2)
        except CommandTimeout:
            continue
        if isinstance(answer, m.AnalyzeReply) and answer.detail == "ready":
            return
    raise RuntimeError("the reading process did not come up")


def _frame(number: int, at_ns: int, sequence: int) -> m.CameraFrame:
    source = m.SourceInfo(kind="simulated", name="bench")
    return m.CameraFrame(
        frame=number, exposure_ns=at_ns, source=source, ring_sequence=sequence,
        width=_WIDTH, height=_HEIGHT,
    )  # fmt: skip


def _state(number: int, at_ns: int) -> m.TableState:
    """A full rack with everything known of each ball."""
    balls = tuple(
        m.BallState(track=i, label=str(i), x_m=0.07 * i + 0.01234567, y_m=0.1 * i + 0.0345678,
                    x_px=70.123456 * i, y_px=30.654321 * i, radius_px=14.321)
        for i in range(16)
    )  # fmt: skip
    return m.TableState(
        frame=number, exposure_ns=at_ns, epoch=1, table="pool-9ft", width=1.27, length=2.54,
        ball_radius=0.028575, source=m.SourceInfo(kind="simulated", name="bench"),
        calibration="camera-1", balls=balls, stages_ms={"detect": 5.0, "track": 0.5},
    )  # fmt: skip


def _scene(number: int, at_ns: int) -> m.Scene:
    """Guidance for a shot: rings, paths, corridors and text."""
    path = tuple((0.2 + 0.01 * i, 0.3 + 0.05 * math.sin(i / 5)) for i in range(60))
    rings = [m.Ring(centre=(0.07 * i, 0.1 * i), radius=0.034) for i in range(1, 17)]
    lines = [m.Line(points=path, colour="#ffd23f") for _ in range(4)]
    areas = [m.Area(points=path, opacity=0.3) for _ in range(2)]
    texts = [m.Text(text="73 %", position=(0.6, 0.3 * i)) for i in range(1, 5)]
    return m.Scene(
        frame=number, exposure_ns=at_ns, table="pool-9ft", width=1.27, length=2.54,
        ball_radius=0.028575, elements=(*rings, *lines, *areas, *texts),
        keep_clear=tuple((0.07 * i, 0.1 * i) for i in range(16)),
    )  # fmt: skip


def _summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "median": round(ordered[last // 2], 4),
        "p99": round(ordered[math.ceil(last * 0.99)], 4),
        "count": len(ordered),
    }


def _read(folder: Path, ring: Path) -> None:
    """The other process: reads until it is told to end, then prints its times as JSON."""
    from billiards_trainer.bus import Bus
    from billiards_trainer.frames import RingReader

    pictures = RingReader(ring)
    bus, served = Bus(folder, "bench"), Bus(folder, "core")
    readers = {topic: bus.subscribe(topic) for topic in _TOPICS}
    server = served.serve()
    times: dict[str, list[float]] = defaultdict(list)
    heard: set[str] = set()
    ended = False
    while not ended:
        bus.wait([*readers.values(), server], 1000)
        for topic, reader in readers.items():
            message = reader.receive()
            if not isinstance(message, m.FrameMessage):
                continue
            heard.add(topic)
            age_ms = (time.monotonic_ns() - message.exposure_ns) / 1e6
            if isinstance(message, m.CameraFrame):
                begin = time.monotonic_ns()
                if pictures.read(message.ring_sequence) is None:
                    continue
                end = time.monotonic_ns()
                if message.frame:
                    times["ring read"].append((end - begin) / 1e6)
                    times["picture, written to read"].append((end - message.exposure_ns) / 1e6)
            elif message.frame:
                times[f"{topic}, sent to read"].append(age_ms)
        for request in server.pending():
            if request.command == "game.analyze":
                ready = heard == set(_TOPICS)
                request.reply(m.AnalyzeReply(detail="ready" if ready else "not yet"))
            else:
                request.reply(m.Done(ok=True))
                ended = request.command == "game.reset"
    pictures.close()
    bus.close()
    print(json.dumps(times), flush=True)
    time.sleep(0.2)  # the last answer leaves
    served.close()


if __name__ == "__main__":
    from billiards_trainer.process import die_with_parent

    die_with_parent(int(sys.argv[3]))
    _read(Path(sys.argv[1]), Path(sys.argv[2]))
