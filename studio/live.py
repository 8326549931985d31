"""The live connection: pictures, state and paths to every browser, orders from them."""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
from fastapi import WebSocket, WebSocketDisconnect

from studio.browser import browser_of, same_origin
from studio.notices import EXPECTED
from studio.outbox import Outbox
from studio.pictures import Picture, PictureEncoder
from studio.report import Report
from studio.station import Station
from studio.uplink import Uplink

STATE_HZ = 15.0
SLOW_HZ = 1.0


class Live:
    """Encodes and reports in a thread of its own, while someone watches; one socket a browser."""

    def __init__(self, station: Station, report: Report, uplink: Uplink) -> None:
        self._station = station
        self._report = report
        self._uplink = uplink
        self._encoder = PictureEncoder(station.robot.embodiment.camera_names)
        self._outboxes: set[Outbox] = set()
        self._events: asyncio.AbstractEventLoop | None = None
        self._watched = threading.Event()
        self._end = threading.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")

    def __enter__(self) -> "Live":
        self._station.notices.watch(self._thread.submit(self._broadcast), "Live pictures")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._watched.set()
        self._station.ticked.set()
        self._thread.shutdown(wait=True)

    @property
    def num_watchers(self) -> int:
        """Open live connections."""
        return len(self._outboxes)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one browser until it leaves."""
        if not same_origin(socket.headers):
            await socket.close(4403, "Open the page from this studio's own address.")
            return
        await socket.accept()
        outbox = Outbox(len(self._station.robot.embodiment.cameras))
        browser = browser_of(socket.cookies)
        outbox.offer_text("hello", json.dumps(self._report.hello(self._uplink.arrive(browser))))
        self._events = asyncio.get_running_loop()
        self._outboxes.add(outbox)
        self._watched.set()
        try:
            async with anyio.create_task_group() as sending:
                sending.start_soon(outbox.send_forever, socket)
                await self._listen(socket, browser, outbox)
        except* (WebSocketDisconnect, RuntimeError):
            pass  # the browser left, maybe in the middle of a message
        finally:
            self._outboxes.discard(outbox)
            self._uplink.depart(browser)
            if not self._outboxes:
                self._watched.clear()

    async def _listen(self, socket: WebSocket, browser: str, outbox: Outbox) -> None:
        while True:
            message = json.loads(await socket.receive_text())
            kind = message.get("type")
            if kind == "drawn":
                outbox.drawn(message["camera"])
            elif kind == "ping":
                self._uplink.alive(browser)
                outbox.offer_text("pong", self._report.pong(message["at"]))
            else:
                self._uplink.take(browser, message)

    def _broadcast(self) -> None:
        clock = self._station.robot.clock
        next_state = next_slow = clock.now()
        while not self._end.is_set():
            self._watched.wait()
            self._station.ticked.wait(0.2)
            self._station.ticked.clear()
            now = clock.now()
            texts: dict[str, str] = {}
            try:
                pictures = self._pictures()
                if now >= next_state:
                    next_state = max(next_state + 1 / STATE_HZ, now)
                    texts |= self._report.state()
                if now >= next_slow:
                    next_slow = now + 1 / SLOW_HZ
                    texts |= self._report.slow()
            except EXPECTED as error:
                self._station.notices.error(f"Live pictures: {error}")
                self._end.wait(2.0)
                continue
            self._publish(pictures, texts)

    def _pictures(self) -> list[Picture]:
        tick = self._station.tick
        return [] if tick is None else self._encoder.encode_new(tick)

    def _publish(self, pictures: list[Picture], texts: dict[str, str]) -> None:
        events = self._events
        if events is None or events.is_closed() or not (pictures or texts):
            return
        deliver: Callable[[], None] = lambda: self._deliver(pictures, texts)  # noqa: E731
        events.call_soon_threadsafe(deliver)

    def _deliver(self, pictures: list[Picture], texts: dict[str, str]) -> None:
        for outbox in self._outboxes:
            for picture in pictures:
                outbox.offer_picture(picture)
            for kind, text in texts.items():
                outbox.offer_text(kind, text)
