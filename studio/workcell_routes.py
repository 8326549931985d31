"""What the Workcell tab asks for while it is open: live values, and a calibration's picture."""

from typing import Any

from fastapi import FastAPI, Response

from studio.workcell_desk import WorkcellDesk


def add_workcell_routes(server: FastAPI, workcell: WorkcellDesk) -> None:
    """Add `/workcell` and `/workcell/picture` to `server`."""

    @server.get("/workcell")
    def _workcell() -> dict[str, Any]:
        return workcell.live()

    @server.get("/workcell/picture")
    def _picture() -> Response:
        picture = b"" if workcell.calibration is None else workcell.calibration.picture
        return Response(picture, 200 if picture else 204, media_type="image/jpeg")
