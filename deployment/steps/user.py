"""The appliance's own user and its folders."""

from __future__ import annotations

from deployment import files
from deployment.plan import Context, Step
from deployment.shell import run

FILES = {
    "systemd/sysusers.conf": "etc/sysusers.d/billiards-trainer.conf",
    "systemd/tmpfiles.conf": "etc/tmpfiles.d/billiards-trainer.conf",
}


def do(context: Context) -> None:
    """Let systemd make user and folders."""
    for source, place in FILES.items():
        target = context.layout.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write(target, _content(context, source))
    run(["systemd-sysusers", *_targets(context, "sysusers")])
    run(["systemd-tmpfiles", "--create", *_targets(context, "tmpfiles")])
    if not context.layout.real:  # a trial has no systemd that makes folders in it
        for folder in (context.layout.config / "tls", context.layout.state, context.layout.logs):
            folder.mkdir(parents=True, exist_ok=True)


def _targets(context: Context, kind: str) -> list[str]:
    return [str(context.layout.root / place) for place in FILES.values() if kind in place]


def _content(context: Context, source: str, version: str | None = None) -> str:
    share = context.layout.share(version or context.version)
    text = (share / source).read_text(encoding="utf-8")
    return context.layout.adapt(text)


def undo(context: Context) -> None:
    """Put the previous version's files back; user and folders stay, for data may be in them."""
    for source, place in FILES.items():
        target = context.layout.root / place
        if context.journal.previous is None:
            files.remove(target)
        else:
            files.write(target, _content(context, source, context.journal.previous))


def verify(context: Context) -> bool:
    """The files say what they shall, and the folders are there."""
    layout = context.layout
    if not all(p.is_dir() for p in (layout.state, layout.config / "tls", layout.logs)):
        return False
    try:
        return all(
            (layout.root / place).read_text(encoding="utf-8") == _content(context, source)
            for source, place in FILES.items()
        )
    except OSError:
        return False


STEP = Step("user", "make the appliance's user and folders", do, undo, verify)
