"""The one web server: the Gradio page, the live connection, stop, films, and Rerun's data."""

from typing import Any

import gradio as gr
from fastapi import FastAPI, WebSocket
from fastapi.staticfiles import StaticFiles

from studio.browser import BrowserCookie
from studio.desk import Desk
from studio.episode_routes import add_episode_routes
from studio.live import Live
from studio.page import build_page
from studio.rerun_proxy import add_rerun_proxy
from studio.safety_routes import add_safety_routes
from studio.theme import ASSETS, HEAD, theme
from studio.workcell_routes import add_workcell_routes


def build_server(desk: Desk, live: Live) -> FastAPI:
    """Put the page and its routes together; uvicorn runs what is returned."""
    server = FastAPI(title="VLA Studio", docs_url=None, redoc_url=None, openapi_url=None)
    server.add_middleware(BrowserCookie)
    server.mount("/studio", StaticFiles(directory=ASSETS), name="studio")

    @server.websocket("/live")
    async def _live(socket: WebSocket) -> None:
        await live.serve(socket)

    @server.get("/training")
    def _training() -> list[dict[str, Any]]:
        return desk.training.jobs()

    add_episode_routes(server, desk.episodes)
    add_safety_routes(server, desk.station, desk.seat)
    add_rerun_proxy(server, desk.viewer)
    add_workcell_routes(server, desk.workcell)
    gr.mount_gradio_app(
        server,
        build_page(desk),
        path="/",
        theme=theme(),
        head=HEAD,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=True,
    )
    return server
