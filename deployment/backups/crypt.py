"""Archives locked with age: by a passphrase, or for the holder of a key.

The library that does it lives in the appliance's environment; the system's Python has none, so it
is run over there.  Secrets go through a pipe, never through the command line.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deployment.errors import Failed
from deployment.layout import Layout


@dataclass(frozen=True, slots=True)
class Key:
    """What locks or opens; one of them.

    Attributes:
        passphrase: for both.
        recipient: ``age1…``, locks only.
        identity: ``AGE-SECRET-KEY-…``, opens only.
    """

    passphrase: str | None = None
    recipient: str | None = None
    identity: str | None = None

    @property
    def locks(self) -> bool:
        """Whether archives are to be encrypted."""
        return bool(self.passphrase or self.recipient)


_PROGRAM = """
import json, sys
order = json.load(sys.stdin)
try:
    import pyrage
    source, target = order["source"], order["target"]
    if order["passphrase"]:
        work = pyrage.passphrase.encrypt if order["locking"] else pyrage.passphrase.decrypt
        data = work(open(source, "rb").read(), order["passphrase"])
        open(target, "wb").write(data)
    elif order["locking"]:
        recipient = pyrage.x25519.Recipient.from_str(order["recipient"])
        pyrage.encrypt_file(source, target, [recipient])
    else:
        identity = pyrage.x25519.Identity.from_str(order["identity"])
        pyrage.decrypt_file(source, target, [identity])
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def lock(layout: Layout, source: Path, target: Path, key: Key) -> None:
    """Encrypt a file.

    Raises:
        Failed: the key is none, or the library is missing.
    """
    _run(layout, source, target, key, locking=True)


def unlock(layout: Layout, source: Path, target: Path, key: Key) -> None:
    """Decrypt a file.

    Raises:
        Failed: the key does not fit, or the file was changed.
    """
    if not (key.passphrase or key.identity):
        raise Failed("it is encrypted: give --passphrase-file or --identity-file")
    _run(layout, source, target, key, locking=False)


def _run(layout: Layout, source: Path, target: Path, key: Key, *, locking: bool) -> None:
    python = layout.current / "venv/bin/python"
    order = {
        "source": str(source),
        "target": str(target),
        "locking": locking,
        "passphrase": key.passphrase,
        "recipient": key.recipient,
        "identity": key.identity,
    }
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", _PROGRAM],
            input=json.dumps(order),
            check=False,
            capture_output=True,
            text=True,
            umask=0o077,
        )
    except OSError as error:
        raise Failed(f"encryption needs the installed appliance: {python}: {error}") from None
    if done.returncode != 0:
        target.unlink(missing_ok=True)
        work = "encrypt" if locking else "decrypt"
        raise Failed(f"cannot {work} {source.name}: {done.stderr.strip()}")
