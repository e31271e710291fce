"""Carrying out a table of steps, forwards and backwards, across interruptions.

A step may be interrupted anywhere, so ``do`` and ``undo`` can be repeated; ``verify`` looks at the
machine itself and says whether there is anything to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.errors import Failed
from deployment.journal import Journal
from deployment.layout import Layout
from deployment.releases import Wheel

Say = Callable[..., None]
"""``say(event, **facts)``: progress for people or machines."""


@dataclass
class Context:
    """All that a step may look at.

    Attributes:
        layout: the folders.
        journal: what was done so far, and the options.
        wheel: the project, where a version is installed from one.
        wheelhouse: folder of all libraries; ``None``: the configured index.
        say: tells of progress.
        starting: systemd is starting the appliance already, so nobody here may.
    """

    layout: Layout
    journal: Journal
    wheel: Wheel | None
    wheelhouse: Path | None
    say: Say
    starting: bool = False

    @property
    def version(self) -> str:
        """That shall be in force."""
        return self.journal.version

    @property
    def release(self) -> Path:
        """Its folder."""
        return self.layout.release(self.version)

    @property
    def aside(self) -> Path:
        """Where this installation keeps what stood there before."""
        return self.layout.aside / self.version

    def option(self, name: str) -> Any:
        """What was asked for on the command line."""
        return self.journal.options.get(name)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the table."""

    name: str
    title: str
    do: Callable[[Context], None]
    undo: Callable[[Context], None]
    verify: Callable[[Context], bool]


def nothing(_context: Context) -> None:
    """For steps that leave nothing to undo."""


def never(_context: Context) -> bool:
    """For steps that are always worth doing."""
    return False


def pending(table: Sequence[Step], context: Context) -> list[Step]:
    """The steps that would do something, in order; nothing is changed."""
    return [step for step in table if not step.verify(context)]


def forward(table: Sequence[Step], context: Context) -> None:
    """Do what is not done yet.

    Raises:
        Failed: a step could not be done; what was done is still in the journal.
    """
    for number, step in enumerate(table, start=1):
        if step.verify(context):
            if step.name not in context.journal.steps:
                context.say("skipped", step=step.name, title=step.title, number=number)
            continue
        began = time.monotonic()
        context.say("begun", step=step.name, title=step.title, number=number, of=len(table))
        context.journal.mark(step.name, "begun")
        try:
            step.do(context)
        except OSError as error:
            raise Failed(f"{step.title}: {error}") from None
        context.journal.mark(step.name, "done")
        context.say("done", step=step.name, seconds=round(time.monotonic() - began, 1))


def backward(table: Sequence[Step], context: Context) -> list[str]:
    """Undo what was begun, last first; one step that cannot be undone does not keep the others.

    Returns:
        A sentence for each step that could not be undone.
    """
    journal = context.journal
    if not journal.undoing:
        journal.undoing = True
        journal.save()
    problems = []
    for step in reversed(table):
        if step.name not in journal.steps:
            continue
        try:
            step.undo(context)
        except (Failed, OSError) as error:
            problems.append(f"{step.title}: {error}")
            context.say("stuck", step=step.name, detail=str(error))
            continue
        journal.mark(step.name, None)
        context.say("undone", step=step.name)
    return problems
