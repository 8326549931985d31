"""What the Workcell tab asks for: live values, a calibration's picture, the board to print."""

from typing import Any

from fastapi import FastAPI, Response

from hardware.workcell.board_sheet import board_sheet
from studio.workcell_desk import WorkcellDesk


def add_workcell_routes(server: FastAPI, workcell: WorkcellDesk) -> None:
    """Add `/workcell`, `/workcell/picture` and `/workcell/board.png` to `server`."""

    @server.get("/workcell")
    def _workcell() -> dict[str, Any]:
        return workcell.live()

    @server.get("/workcell/board.png")
    def _board() -> Response:
        return Response(board_sheet(), media_type="image/png")

    @server.get("/workcell/picture")
    def _picture() -> Response:
        picture = b"" if workcell.calibration is None else workcell.calibration.picture
        return Response(picture, 200 if picture else 204, media_type="image/jpeg")
