"""Whether the sources of a configuration can be played, before anything starts."""

from __future__ import annotations

from billiards_trainer import source_address
from billiards_trainer.messages import SourceInfo


def validate_source(url: str, key: str = "source.url") -> SourceInfo:
    """Check an address, and of a film that it can be played.

    Args:
        url: the address.
        key: of the configuration, to be named when it is wrong.

    Raises:
        InputError: one sentence why it cannot be a source.
    """
    address = source_address.parse(url, key)
    source_address.check_present(address, key)
    if address.scheme == "film":
        # Imported here: OpenCV takes longer to load than all other addresses take to be checked.
        from billiards_trainer.vision.sources.film import probe

        probe(address.path, key)
    return address.info
