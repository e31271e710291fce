"""Fits the network that tells balls apart, on crops of virtual tables (``collect_crops.py``).

    pip install torch==2.13.0 onnx onnxscript      # in an environment of its own
    python scripts/fit_identity.py CROPS.npz… --held OTHERS.npz --target identity.onnx

On the rooms of the files after ``--held`` the confidences are calibrated and the figures measured.
Writes the network and, beside it, a model card (``.json``) for ``models install``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as fn

from billiards_trainer.vision.detection.crops import REACH, SIZE
from billiards_trainer.vision.detection.identity_network import CONTRACT, GAMES, LABELS

WIDTH = 48
HEADS = 4


class Attention(nn.Module):
    """Balls of one picture look at each other: under one light, colours are relative."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.LayerNorm(WIDTH)
        self.ask, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)
        self.after = nn.LayerNorm(WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor, hidden: torch.Tensor | None) -> torch.Tensor:
        """``x`` (…, balls, WIDTH); ``hidden`` true where there is no ball."""
        y = self.before(x)

        def split(v: torch.Tensor) -> torch.Tensor:
            return v.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(-2, -3)

        ask, key, value = split(self.ask(y)), split(self.key(y)), split(self.value(y))
        score = ask @ key.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)
        if hidden is not None:
            score = score.masked_fill(hidden[..., None, None, :], -1e4)
        mixed = (score.softmax(-1) @ value).transpose(-2, -3).flatten(-2)
        x = x + self.out(mixed)
        return x + self.narrow(fn.relu(self.widen(self.after(x))))


class Network(nn.Module):
    """Crops of one picture's balls → what each is, and whether it is a ball."""

    def __init__(self) -> None:
        super().__init__()
        self.face = nn.Sequential(
            nn.Conv2d(3, 16, 5, 2, 2), nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 48, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(48, 64, 3, 1, 1), nn.ReLU(),
        )  # fmt: skip
        self.token = nn.Linear(128, WIDTH)
        self.blocks = nn.ModuleList([Attention(), Attention()])
        self.last = nn.LayerNorm(WIDTH)
        self.label = nn.Linear(WIDTH, len(LABELS))
        self.ball = nn.Linear(WIDTH, 1)
        self.register_buffer("cooling", torch.ones(2))

    def tokens(self, crops: torch.Tensor) -> torch.Tensor:
        """Crops (balls, 3, SIZE, SIZE) in 0…1 as vectors."""
        seen = self.face(crops * 4 - 2)
        return self.token(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1))

    def decide(
        self, x: torch.Tensor, hidden: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-likelihoods of labels (up to a constant), and log-odds of being a ball."""
        for block in self.blocks:
            x = block(x, hidden)
        x = self.last(x)
        return self.label(x) / self.cooling[0], self.ball(x)[..., 0] / self.cooling[1]

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As deployed: crops uint8 (balls, SIZE, SIZE, 3) BGR of one picture."""
        pixels = crops.to(torch.float32).permute(0, 3, 1, 2) / 255
        return self.decide(self.tokens(pixels), None)


class Lessons:
    """Pictures' crops from files, in batches of pictures padded to the same number of balls."""

    def __init__(self, files: list[Path], held: list[Path]) -> None:
        parts = [np.load(f) for f in [*files, *held]]
        self.crops = torch.from_numpy(np.concatenate([p["crops"] for p in parts]))
        self.labels = torch.from_numpy(
            np.concatenate([p["labels"] for p in parts]).astype(np.int64)
        )
        counts = np.concatenate([p["counts"] for p in parts])
        self.rooms = np.concatenate([p["rooms"] for p in parts])
        ends = np.cumsum(counts)
        self.rows = [np.arange(e - c, e) for e, c in zip(ends, counts, strict=True)]
        first = [int(self.labels[r].max()) for r in self.rows]
        self.game = np.array([-1 if f < 0 else GAMES.index(LABELS[f][0]) for f in first])
        usable = np.flatnonzero(self.game >= 0)
        first_held = sum(len(p["counts"]) for p in parts[: len(files)])
        self.train, self.test = usable[usable < first_held], usable[usable >= first_held]


def pad(chosen: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of several pictures as one table, and where it is empty."""
    most = max(len(c) for c in chosen)
    table = torch.zeros((len(chosen), most), dtype=torch.long)
    hidden = torch.ones((len(chosen), most), dtype=torch.bool)
    for k, rows in enumerate(chosen):
        table[k, : len(rows)] = torch.from_numpy(rows)
        hidden[k, : len(rows)] = False
    return table, hidden


def spoil(
    crops: torch.Tensor, picture: torch.Tensor, draw: Callable[..., torch.Tensor]
) -> torch.Tensor:
    """What the virtual table lacks: cloth mirrored in balls, logos, few pixels, poor colour."""
    size = crops.shape[-1]
    span = torch.linspace(-REACH, REACH, size)
    across, down = span[None, :], span[:, None]
    disc = ((across**2 + down**2) < 0.96).float()
    out = crops.clone()
    # The cloth shines back from the side that faces it, most on what is white.
    turn = draw(int(picture.max()) + 1, 0, 2 * math.pi)[picture]
    weight = draw(int(picture.max()) + 1, -0.5, 0.7)[picture].clamp_min(0)
    side = torch.cos(turn)[:, None, None] * across + torch.sin(turn)[:, None, None] * down
    share = (weight[:, None, None] * (0.5 + 0.7 * side)).clamp(0, 0.8)[:, None] * disc
    rim = torch.cat([out[:, :, :4].flatten(2), out[:, :, -4:].flatten(2)], 2).median(2).values
    tint = rim / rim.mean(1, keepdim=True).clamp_min(0.02)
    out = out * (1 - share + share * tint[:, :, None, None].clamp(0, 2.5))
    for k in torch.nonzero(draw(len(out), 0, 1) < 0.12)[:, 0].tolist():
        x, y, width, height = draw(4, 0, 1).tolist()
        spot = ((across - 1.4 * x + 0.7) / (0.06 + 0.2 * width)) ** 2
        spot = spot + ((down - 1.4 * y + 0.7) / (0.06 + 0.2 * height)) ** 2
        out[k] = torch.where(spot < 1, draw(3, 0, 0.9)[:, None, None], out[k])
    for k in range(int(picture.max()) + 1):
        own = picture == k
        few, grey = draw(2, 0, 1).tolist()
        if not own.any():
            continue
        if few < 0.4:
            small = 10 + int(draw(1, 0, 14))
            part = fn.interpolate(out[own], (small, small), mode="bilinear", antialias=True)
            out[own] = fn.interpolate(part, (size, size), mode="bilinear")
        if grey < 0.35:
            # Compression keeps few pixels of colour.
            light = out[own].mean(1, keepdim=True)
            colour = fn.avg_pool2d(out[own] - light, 5, 1, 2, count_include_pad=False)
            out[own] = light + colour
    return out


def disturb(crops: torch.Tensor, picture: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """Another camera and light for each picture, another place and turn for each ball.

    Args:
        crops: (balls, 3, SIZE, SIZE) in 0…1.
        picture: which picture each belongs to, (balls,).
        noise: source of chance.
    """
    count, pictures = len(crops), int(picture.max()) + 1

    def draw(n: int, low: float, high: float, *more: int) -> torch.Tensor:
        return low + (high - low) * torch.rand((n, *more), generator=noise)

    crops = spoil(crops, picture, draw)
    gain = torch.exp(draw(pictures, -0.45, 0.45)[:, None] + 0.13 * torch.randn(
        (pictures, 3), generator=noise))[picture]  # fmt: skip
    gain = gain * torch.exp(0.08 * torch.randn((count, 1), generator=noise))
    power = torch.exp(draw(pictures, -0.25, 0.25))[picture]
    out = crops.clamp_min(1e-3) ** power[:, None, None, None] * gain[:, :, None, None]
    # Saturation, and channels that leak into each other.
    saturation = torch.exp(draw(pictures, -0.4, 0.45))[:, None, None]
    grey = torch.full((3, 3), 1 / 3)
    mix = grey + saturation * (torch.eye(3) - grey)
    leak = 0.04 * torch.randn((pictures, 3, 3), generator=noise)
    mix = mix + leak - leak.mean(2, keepdim=True)
    out = torch.einsum("bij,bjhw->bihw", mix[picture], out)
    # Turn, mirror, shift and scale.
    angle = draw(count, 0, 2 * math.pi)
    scale = torch.exp(0.05 * torch.randn(count, generator=noise))
    mirror = torch.where(draw(count, 0, 1) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = 0.03 * torch.randn((2, count), generator=noise)
    across = torch.stack([cos * mirror, -sin, shift[0]], 1)
    down = torch.stack([sin * mirror, cos, shift[1]], 1)
    affine = torch.stack([across, down], 1)
    grid = fn.affine_grid(affine, list(out.shape), align_corners=False)
    out = fn.grid_sample(out, grid, padding_mode="border", align_corners=False)
    # A finger, a cue, a line of light over some.
    covered = torch.nonzero(draw(count, 0, 1) < 0.2)[:, 0]
    span = torch.linspace(-1, 1, out.shape[-1])
    for k in covered.tolist():
        turn, off, width, added = draw(4, 0, 1).tolist()
        away = math.cos(6.3 * turn) * span[:, None] + math.sin(6.3 * turn) * span[None, :]
        band = (away - (2 * off - 1)).abs() < 0.03 + 0.15 * width
        colour = draw(3, 0, 1)[:, None, None]
        out[k] = torch.where(band, out[k] * (added > 0.5) + colour, out[k])
    out = out + draw(pictures, 0, 0.02)[picture, None, None, None] * torch.randn(
        out.shape, generator=noise
    )
    return out.clamp(0, 1)


def game_masks() -> torch.Tensor:
    """0 for labels of a game, a very low number for others, (games, labels)."""
    own = torch.tensor([[label[0] == game for label in LABELS] for game in GAMES])
    return torch.where(own, 0.0, -1e4)


def main() -> None:
    """Fit, calibrate, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crops", nargs="+", type=Path)
    parser.add_argument("--held", nargs="+", type=Path, required=True)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=20.0, help="of training")
    parser.add_argument("--passes", type=float, default=30.0, help="through the data, at most")
    parser.add_argument("--start", type=Path, help="weights to go on from")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    lessons = Lessons(arguments.crops, arguments.held)
    network = Network()
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start))
    steps = fit(network, lessons, arguments)
    calibrate(network, lessons)
    figures = report(network, lessons)
    torch.save(network.state_dict(), arguments.target.with_suffix(".pt"))
    export(network, arguments.target)
    write_card(arguments, lessons, steps, figures)


def fit(network: Network, lessons: Lessons, arguments: argparse.Namespace) -> int:
    """Train until the time or the passes are over; how many steps that were."""
    noise = torch.Generator().manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01)
    masks = game_masks()
    tally = torch.bincount(lessons.labels[lessons.labels >= 0], minlength=len(LABELS)).float()
    weights = (tally.clamp_min(1).mean() / tally.clamp_min(1)).clamp(0.1, 5.0)
    batch = 16
    most = int(arguments.passes * len(lessons.train) / batch)
    began, step, mean = time.monotonic(), 0, 0.0
    network.train()
    while True:
        spent = max((time.monotonic() - began) / (60 * arguments.minutes), step / most)
        if spent >= 1:
            return step
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * spent))
        chosen = []
        pictures = rng.choice(lessons.train, batch)
        for k in pictures:
            rows = lessons.rows[k]
            # Often only a few balls are left, or nothing false was found.
            labels = lessons.labels[rows].numpy()
            left = (1.0, 1.5 / len(rows), rng.random())[rng.choice(3, p=(0.4, 0.25, 0.35))]
            keep = rng.random(len(rows)) < left
            if rng.random() < 0.4:
                keep &= labels >= 0
            chosen.append(rows[keep] if keep.any() else rows)
        table, hidden = pad(chosen)
        shown = ~hidden
        picture = torch.nonzero(shown)[:, 0]
        flat = table[shown]
        crops = lessons.crops[flat].permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            crops = disturb(crops, picture, noise)
        tokens = torch.zeros((*table.shape, WIDTH))
        tokens[shown] = network.tokens(crops)
        label, ball = network.decide(tokens, hidden)
        truth = lessons.labels[flat]
        games = torch.from_numpy(lessons.game[pictures])
        scores = (label + masks[games][:, None, :])[shown]
        real = truth >= 0
        loss = fn.binary_cross_entropy_with_logits(ball[shown], real.float())
        if real.any():
            loss = loss + fn.cross_entropy(scores[real], truth[real], weights)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        mean += (float(loss.detach()) - mean) / min(step, 100)
        if step % 100 == 0:
            print(f"step {step} of {most}, {spent:.2f} done, loss {mean:.3f}", flush=True)


def answers(network: Network, lessons: Lessons) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Label scores, ball log-odds and truth for the rooms that were kept back."""
    network.eval()
    masks, out = game_masks(), []
    with torch.no_grad():
        for k in lessons.test:
            rows = lessons.rows[k]
            label, ball = network(lessons.crops[rows])
            out.append((label + masks[lessons.game[k]], ball, lessons.labels[rows]))
    label, ball, truth = (torch.cat(part) for part in zip(*out, strict=True))
    return label, ball, truth


def calibrate(network: Network, lessons: Lessons) -> None:
    """Scale both outputs so that on the kept rooms they say how often they are right."""
    network.cooling[:] = 1
    label, ball, truth = answers(network, lessons)
    real = truth >= 0
    heats = np.exp(np.linspace(-1, 1.5, 60))
    label_loss = [float(fn.cross_entropy(label[real] / h, truth[real])) for h in heats]
    ball_loss = [float(fn.binary_cross_entropy_with_logits(ball / h, real.float())) for h in heats]
    network.cooling[0] = heats[int(np.argmin(label_loss))]
    network.cooling[1] = heats[int(np.argmin(ball_loss))]
    print("cooling", network.cooling.tolist())


def report(network: Network, lessons: Lessons) -> dict[str, object]:
    """Figures on the rooms that were kept back."""
    label, ball, truth = answers(network, lessons)
    real = truth >= 0
    p = label.softmax(1)[real]
    sure, said = p.max(1)
    right = said == truth[real]
    figures: dict[str, object] = {
        "balls": int(real.sum()),
        "accuracy": round(float(right.float().mean()), 4),
    }
    for game in GAMES:
        own = torch.tensor([LABELS[int(t)][0] == game for t in truth[real]])
        if own.any():
            figures[f"accuracy_{game}"] = round(float(right[own].float().mean()), 4)
    bins = [0.0, 0.5, 0.7, 0.9, 0.97, 0.99, 1.01]
    figures["reliability"] = [
        [round(float(sure[i].mean()), 3), round(float(right[i].float().mean()), 3), int(i.sum())]
        for low, high in pairwise(bins)
        if (i := (sure >= low) & (sure < high)).any()
    ]
    yes = ball > 0
    figures["nothing"] = int((~real).sum())
    figures["ball_recall"] = round(float(yes[real].float().mean()), 4)
    figures["ball_false_share"] = round(float(yes[~real].float().mean()), 4)
    print(json.dumps(figures, indent=1))
    return figures


def export(network: Network, target: Path) -> None:
    """Write ONNX with any number of balls."""
    network.eval()
    example = torch.zeros((3, SIZE, SIZE, 3), dtype=torch.uint8)
    torch.onnx.export(
        network,
        (example,),
        str(target),
        input_names=["crops"],
        output_names=["labels", "ball"],
        dynamic_axes={"crops": {0: "balls"}, "labels": {0: "balls"}, "ball": {0: "balls"}},
        opset_version=17,
        dynamo=False,
    )


def write_card(
    arguments: argparse.Namespace, lessons: Lessons, steps: int, figures: dict[str, object]
) -> None:
    """The model card beside the network."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    card = {
        "name": "identity",
        "version": datetime.now(UTC).strftime("%Y.%m.%d") + f"-{arguments.seed}",
        "contract": CONTRACT,
        "sha256": _digest(arguments.target),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "script": "scripts/collect_crops.py, scripts/fit_identity.py",
        "commit": commit,
        "seed": arguments.seed,
        "started_from": None if arguments.start is None else _digest(arguments.start),
        "data": {
            "source": "virtual table (billiards_trainer/simulation/lessons.py)",
            "seeds": _seeds(lessons, lessons.train),
            "held_out_seeds": _seeds(lessons, lessons.test),
            "rooms": len(set(lessons.rooms[lessons.train].tolist())),
            "pictures": len(lessons.train),
            "crops": sum(len(lessons.rows[k]) for k in lessons.train),
        },
        "steps": steps,
        "figures_virtual": figures,
    }
    arguments.target.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")


def _seeds(lessons: Lessons, pictures: np.ndarray) -> list[int]:
    return sorted({int(r) // 100_000 for r in lessons.rooms[pictures]})


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
