"""From an address to an open source."""

from __future__ import annotations

from collections.abc import Callable

from billiards_trainer.config.schema import SourceConfig
from billiards_trainer.source_address import Address
from billiards_trainer.vision.sources.picture import Grabber


def opener(address: Address, config: SourceConfig) -> Callable[[], Grabber]:
    """What opens the source; called in the reader's thread, as often as needed."""

    def open_source() -> Grabber:
        match address.scheme:
            case "film":
                from billiards_trainer.vision.sources.film import FilmReader

                return FilmReader(address.path, loop=config.loop)
            case "http":
                from billiards_trainer.vision.sources.mjpeg import MjpegReader

                return MjpegReader(address.url, config.timeout_s)
            case "rtsp":
                from billiards_trainer.vision.sources.capture import open_rtsp

                return open_rtsp(address.url, config.timeout_s)
            case "v4l2":
                from billiards_trainer.vision.sources.capture import open_device

                return open_device(
                    address.device, config.width, config.height, config.fps, config.timeout_s
                )
            case "simulated":
                raise ValueError("the virtual table writes its pictures itself")

    return open_source
