"""Films of episodes, and episodes as Rerun files, by HTTP. Needs no seat."""

import tempfile
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.background import BackgroundTask

from studio.episodes import Episodes


def add_episode_routes(server: FastAPI, episodes: Episodes) -> None:
    """Add `GET /film/DATASET/EPISODE/CAMERA` and `GET /rrd/DATASET/EPISODE.rrd`."""

    @server.get("/film/{dataset}/{episode}/{camera}")
    def _film(dataset: str, episode: int, camera: str) -> Response:
        try:
            return FileResponse(episodes.film(dataset, episode, camera))
        except (ValueError, OSError) as error:
            return PlainTextResponse(str(error), status_code=404)

    @server.get("/rrd/{dataset}/{episode}.rrd")
    def _rrd(dataset: str, episode: int) -> Response:
        with tempfile.NamedTemporaryFile(suffix=".rrd", delete=False) as file:
            path = Path(file.name)
        try:
            episodes.write_rrd(dataset, episode, path)
        except (ValueError, OSError) as error:
            path.unlink()
            return PlainTextResponse(str(error), status_code=404)
        return FileResponse(
            path,
            filename=f"{dataset}-{episode}.rrd",
            background=BackgroundTask(path.unlink),
        )
