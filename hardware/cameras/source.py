"""What a kind of camera must be able to do to be read by a `StreamingCamera`. Reads nothing."""

from typing import Protocol, runtime_checkable

from hardware.interfaces import Frame, HardwareError


class SourceRefusedError(HardwareError):
    """The camera is absent or does not offer what was asked: asking again at once is no use."""


class SourceEndedError(HardwareError):
    """The film or folder has no more pictures and is not to be shown again."""


@runtime_checkable
class ImageSource(Protocol):
    """Where pictures come from. Used by one thread at a time; may be opened again after `close`."""

    @property
    def fps(self) -> int | float:
        """Pictures per second that it is set to send."""

    def open(self) -> None:
        """Start sending.

        Raises `SourceRefusedError` saying what is there instead, or `HardwareError` where another
        attempt may help.
        """

    def grab(self, timeout_secs: int | float) -> Frame | None:
        """Return the next picture, or None if there was none within about `timeout_secs`.

        Raises `HardwareError` if the camera is gone.
        """

    def close(self) -> None:
        """Stop sending and let the device go. Safe to call twice; never raises."""
