"""Lets the page reach Rerun's data under the page's own address, so that one port is enough."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from studio.browser import same_origin
from studio.viewer import Viewer

DROPPED = {"host", "content-length", "connection", "origin", "accept-encoding"}
"""Headers of the browser that mean something else on the way on."""


def add_rerun_proxy(server: FastAPI, viewer: Viewer) -> None:
    """Add the gRPC-web route that the embedded viewer calls."""
    client = httpx.AsyncClient(timeout=httpx.Timeout(None, connect=5))

    @server.post("/rerun.{service}/{method}")
    async def _forward(service: str, method: str, request: Request) -> Response:
        if not same_origin(request.headers):
            return Response(status_code=403)
        if not viewer.server.alive:
            return Response("Rerun is not running.", status_code=503)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in DROPPED}
        onward = client.build_request(
            "POST",
            f"http://127.0.0.1:{viewer.server.port}/rerun.{service}/{method}",
            headers=headers,
            content=await request.body(),
        )
        stream = AsyncExitStack()
        answer = await client.send(onward, stream=True)
        stream.push_async_callback(answer.aclose)
        stream.enter_context(viewer.looking())
        return StreamingResponse(
            _until_closed(answer, stream),
            status_code=answer.status_code,
            media_type=answer.headers.get("content-type"),
        )


async def _until_closed(answer: httpx.Response, stream: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stream:
        async for piece in answer.aiter_raw():
            yield piece
