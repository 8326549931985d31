"""What one browser is still to be sent: only the newest of each kind, never a queue."""

import asyncio
from typing import Protocol

from studio.pictures import Picture

IN_FLIGHT = 2
"""Pictures of one camera sent and not yet drawn; a slower browser gets fewer, not older ones."""


class Socket(Protocol):
    """The sending half of a websocket."""

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""

    async def send_text(self, data: str) -> None:
        """Send a text message."""


class Outbox:
    """Newest picture of each camera and newest text of each kind. Belongs to the event loop."""

    def __init__(self, num_cameras: int) -> None:
        self._pictures: list[Picture | None] = [None] * num_cameras
        self._undrawn = [0] * num_cameras
        self._texts: dict[str, str] = {}
        self._waiting = asyncio.Event()
        self.replaced = 0
        """Pictures that a newer one overtook before they were sent."""

    def offer_picture(self, picture: Picture) -> None:
        """Let `picture` take the place of an unsent older one."""
        if self._pictures[picture.camera] is not None:
            self.replaced += 1
        self._pictures[picture.camera] = picture
        self._waiting.set()

    def offer_text(self, kind: str, text: str) -> None:
        """Let `text` take the place of an unsent older one of its kind."""
        self._texts[kind] = text
        self._waiting.set()

    def drawn(self, camera: int) -> None:
        """The browser drew a picture of `camera`, or gave it up."""
        if 0 <= camera < len(self._undrawn):
            self._undrawn[camera] = max(0, self._undrawn[camera] - 1)
            self._waiting.set()

    async def send_forever(self, socket: Socket) -> None:
        """Send what is offered, as fast as the browser takes it."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            texts, self._texts = self._texts, {}
            for text in texts.values():
                await socket.send_text(text)
            for camera in range(len(self._pictures)):
                picture = self._pictures[camera]
                if picture is not None and self._undrawn[camera] < IN_FLIGHT:
                    self._pictures[camera] = None
                    self._undrawn[camera] += 1
                    await socket.send_bytes(picture.message)
