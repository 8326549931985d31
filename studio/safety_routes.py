"""Stop by HTTP, and what the safety kernel did. Needs no seat."""

from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request, Response

from hardware.safety.press import Press
from studio.browser import browser_of, same_origin
from studio.seat import Seat
from studio.station import Station


def add_safety_routes(server: FastAPI, station: Station, seat: Seat) -> None:
    """Add `POST /stop`, from our own page or from no page at all, and `GET /safety`."""

    @server.post("/stop")
    async def _stop(request: Request) -> Response:  # on the event loop: a full pool cannot delay it
        if not same_origin(request.headers):
            return Response(status_code=403)
        number = seat.greet(browser_of(request.cookies))
        press = Press.told(request.query_params)
        station.stop(f"Browser {number} pressed Stop.", press)
        return Response(status_code=204)

    @server.get("/safety")
    async def _safety() -> dict[str, Any]:
        gate = station.robot.gate
        events = [asdict(event) for event in gate.events.recent()]
        told = {"state": gate.state, "reason": gate.reason, "stop_number": gate.stop_number}
        return {**told, "events": events}
