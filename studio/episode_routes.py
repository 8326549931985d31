"""Films of episodes, and episodes as Rerun files, by HTTP. Needs no seat."""

import tempfile
from functools import partial
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.background import BackgroundTask

from recordings.disk import RecordingError
from studio.episodes import Episodes

AT_ONCE = 1
"""Rerun files that are written at a time: each holds whole films in memory meanwhile."""


def add_episode_routes(server: FastAPI, episodes: Episodes) -> None:
    """Add `GET /film/DATASET/EPISODE/CAMERA` and `GET /rrd/DATASET/EPISODE.rrd`."""
    turn = CapacityLimiter(AT_ONCE)

    @server.get("/film/{dataset}/{episode}/{camera}")
    def _film(dataset: str, episode: int, camera: str) -> Response:
        try:
            return FileResponse(episodes.film(dataset, episode, camera))
        except (ValueError, OSError) as error:
            return PlainTextResponse(str(error), status_code=404)

    @server.get("/rrd/{dataset}/{episode}.rrd")
    async def _rrd(dataset: str, episode: int) -> Response:
        write = partial(_written, episodes, dataset, episode)
        try:
            path = await to_thread.run_sync(write, limiter=turn)
        except (ValueError, OSError) as error:
            return PlainTextResponse(str(error), status_code=404)
        except RecordingError as error:
            return PlainTextResponse(str(error), status_code=507)
        except (RuntimeError, KeyError) as error:
            words = f"Episode {episode} of {dataset} cannot be written for Rerun: {error!r}"
            return PlainTextResponse(words, status_code=500)
        return FileResponse(
            path,
            filename=f"{dataset}-{episode}.rrd",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )


def _written(episodes: Episodes, dataset: str, episode: int) -> Path:
    """Write an episode to a new file for Rerun; when that fails, nothing is left of it."""
    with tempfile.NamedTemporaryFile(suffix=".rrd", delete=False) as file:
        path = Path(file.name)
    try:
        episodes.write_rrd(dataset, episode, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path
