"""Serves a trained ACT as `policy.serve` serves ours, with few imports and without safety checks.

`python -m policy.baselines.act_server CHECKPOINT [--port 8000]` in lerobot's environment; then, in
ours, `python -m policy.evaluate ws://127.0.0.1:8000 --env gym_aloha/AlohaTransferCube-v0`.
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np
import torch
import tyro
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from hardware.aloha import aloha_embodiment
from policy.baselines.act import CAMERA, PICTURE, Act
from policy.wire import pack, unpack

logger = logging.getLogger(__name__)


@runtime_checkable
class Planner(Protocol):
    """Plans from one state and one picture; blind to words."""

    def plan(self, state: np.ndarray, picture: np.ndarray) -> np.ndarray:
        """Return targets (rows, 14) from a state (14,) and a picture (height, width, 3)."""


def metadata(act: Act, checkpoint: str) -> dict[str, Any]:
    """What a client must know before it sends anything."""
    height, width = PICTURE
    body = aloha_embodiment((CAMERA,), height=height, width=width)
    return {
        "model": "act",
        "checkpoint": checkpoint,
        "embodiment": body.to_json(),
        "image_sizes": {CAMERA: list(PICTURE)},
        "horizon": act.size.rows,
        "action_hz": act.size.hz,
        "tasks": act.about["tasks"],
        "about": {name: value for name, value in act.about.items() if name != "tasks"},
    }


class ActServer:
    """Answers observations with chunks; plans one at a time, whoever asks."""

    def __init__(self, planner: Planner, described: dict[str, Any]) -> None:
        self._planner, self._described = planner, described
        self._planning = threading.Lock()

    def listen(self, host: str, port: int) -> Server:
        """Open the port; the caller runs `serve_forever`. Raises `OSError` if it is taken."""
        return serve(self._converse, host, port, compression=None, max_size=None)

    def _converse(self, connection: ServerConnection) -> None:
        try:
            connection.send(pack(self._described))
            for frame in connection:
                connection.send(self._answer(frame))
        except ConnectionClosed:
            logger.info("A client went away.")

    def _answer(self, frame: str | bytes) -> bytes | str:
        if isinstance(frame, str):
            return "ValueError: Expected a binary frame, got text."
        try:
            message = unpack(frame)
            picture = np.asarray(message["images"][CAMERA]).transpose(1, 2, 0)
            state = np.asarray(message["state"], np.float32)
            begun = time.perf_counter()
            with self._planning:
                actions = self._planner.plan(state, picture)
        except (KeyError, TypeError, ValueError) as error:
            return f"ValueError: {error}"
        took = (time.perf_counter() - begun) * 1e3
        return pack({"actions": actions, "server_timing": {"infer_ms": took}})


@dataclass(frozen=True, slots=True)
class Options:
    """What the server can be asked."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """Folder that `policy.baselines.act_train` wrote."""
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 1


def main(options: Options) -> None:
    """Serve until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    torch.set_num_threads(options.threads)
    try:
        act = Act.load(options.checkpoint)
        server = ActServer(act, metadata(act, options.checkpoint.name)).listen(
            options.host, options.port
        )
    except (ValueError, OSError) as error:
        raise SystemExit(f"Cannot serve: {error}") from error
    logger.info("Serving %s on ws://%s:%d", options.checkpoint, options.host, options.port)
    with server:
        server.serve_forever()


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
