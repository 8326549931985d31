"""A policy server, openpi's websocket protocol: `python -m policy.serve CHECKPOINT`.

On connecting the client gets one binary frame of metadata; each binary observation is answered by
one binary chunk; a text frame is an error in words, after which the client may ask again.
"""

import hmac
import http
import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import tyro
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from hardware.interfaces import Frame, Observation
from policy.interface import ActionChunk, Commitment
from policy.local import LocalPolicy
from policy.wire import pack, unpack

logger = logging.getLogger(__name__)


def metadata(policy: LocalPolicy, checkpoint: Path) -> dict[str, Any]:
    """What a client must know before it sends anything."""
    return {
        "model": "qwen-vla",
        "preset": policy.config.preset,
        "checkpoint": checkpoint.name,
        "embodiment": policy.embodiment.to_json(),
        "image_sizes": {name: list(size) for name, size in policy.image_sizes.items()},
        "horizon": policy.pace.rows,
        "action_hz": policy.pace.hz,
        "tasks": list(policy.tasks),
        "continues": True,
        "seeds": True,
        "any_words": True,
    }


def read_observation(message: dict[str, Any]) -> tuple[Observation, str]:
    """Turn an openpi ALOHA observation into ours. Raises `ValueError` naming what is missing.

    `{"state": (joints,), "images": {camera: (3, h, w) or (h, w, 3) uint8}, "prompt": str}`.
    """
    missing = [key for key in ("state", "images", "prompt") if key not in message]
    if missing:
        raise ValueError(f"An observation needs state, images and prompt; missing: {missing}.")
    if not isinstance(message["images"], dict) or not isinstance(message["prompt"], str):
        raise ValueError(  # noqa: TRY004 - a client is told of one kind of error
            "Expected images as a dictionary of cameras and the prompt as text, got "
            f"{type(message['images']).__name__} and {type(message['prompt']).__name__}."
        )
    now = time.monotonic()
    frames = {}
    for name, picture in message["images"].items():
        image = np.asarray(picture)
        if image.ndim == 3 and image.shape[0] == 3 and image.shape[2] != 3:
            image = image.transpose(1, 2, 0)
        wrong = image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8
        if wrong or not image.size:
            raise ValueError(
                f"Image {name!r} must be uint8, not empty and with three colours, got "
                f"{image.dtype} of shape {image.shape}."
            )
        frames[str(name)] = Frame(np.ascontiguousarray(image), now)
    try:
        state = np.asarray(message["state"], np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The state must be an array of numbers: {error}.") from error
    if state.ndim != 1:
        raise ValueError(f"The state must be one row of numbers, got shape {state.shape}.")
    return Observation(now, state, frames), message["prompt"]


def read_commitment(message: dict[str, Any], observed_at: float) -> Commitment | None:
    """What the robot will do while we plan, where the client tells (not part of openpi).

    `{"continue": {"actions": (rows, joints), "hz": rows a second, "age": seconds from the first
    row to the observation, "until": seconds from the observation to the end of planning}}`, so
    that the two clocks need not agree. Raises `ValueError` for anything else.
    """
    told = message.get("continue")
    if told is None:
        return None
    try:
        actions = np.asarray(told["actions"], np.float32)
        hz, age, until = (float(told[key]) for key in ("hz", "age", "until"))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"To continue a chunk its actions, hz, age and until are needed: {error!r}."
        ) from error
    finite = np.isfinite(actions).all() and np.isfinite((hz, age, until)).all()
    if actions.ndim != 2 or not len(actions) or hz <= 0 or not finite:
        raise ValueError(
            f"A chunk to continue must be finite (rows, joints) at more than 0 Hz, got shape "
            f"{actions.shape} at {hz} Hz."
        )
    return Commitment(ActionChunk(actions, observed_at - age, hz), observed_at + until)


def read_seed(message: dict[str, Any]) -> int | None:
    """Of the noise of this one plan, where the client tells: `{"seed": int}` (not openpi's)."""
    told = message.get("seed")
    if told is None or (isinstance(told, int) and told >= 0):
        return told
    raise ValueError(f"A seed is a whole number from 0 on, got {told!r}.")


def read_any_words(message: dict[str, Any]) -> bool:
    """Whether this one plan may be on words not in training: `{"any_words": bool}`, not openpi's.

    Raises `ValueError` for anything else.
    """
    told = message.get("any_words", False)
    if isinstance(told, bool):
        return told
    raise ValueError(f"any_words is true or false, got {told!r}.")


class PolicyServer:
    """Serves one policy; plans one at a time, whoever asks."""

    def __init__(self, policy: LocalPolicy, checkpoint: Path, token: str | None = None) -> None:
        self._policy = policy
        self._metadata = metadata(policy, checkpoint)
        self._token = token
        self._any_words = policy.any_words
        self._planning = threading.Lock()

    def listen(self, host: str, port: int) -> Server:
        """Open the port; the caller runs `serve_forever`. Raises `OSError` if it is taken."""
        return serve(
            self._converse,
            host,
            port,
            compression=None,
            max_size=None,
            process_request=self._admit,
        )

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/healthz":
            return connection.respond(http.HTTPStatus.OK, "OK\n")
        if self._token is not None:
            said = request.headers.get("Authorization", "")
            if not hmac.compare_digest(said.encode(), f"Api-Key {self._token}".encode()):
                return connection.respond(
                    http.HTTPStatus.UNAUTHORIZED, "The token is missing or wrong.\n"
                )
        return None

    def _converse(self, connection: ServerConnection) -> None:
        try:
            connection.send(pack(self._metadata))
            for frame in connection:
                connection.send(self._answer(frame))
        except ConnectionClosed:
            logger.info("A client went away.")

    def _answer(self, frame: str | bytes) -> bytes | str:
        if isinstance(frame, str):
            return "ValueError: Expected a binary frame, got text."
        try:
            message = unpack(frame)
            observation, prompt = read_observation(message)
            previous = read_commitment(message, observation.timestamp)
            seed = read_seed(message)
            any_words = read_any_words(message)
            start = time.perf_counter()
            with self._planning:
                if seed is not None:
                    self._policy.seed(seed)
                self._policy.any_words = self._any_words or any_words
                chunk = self._policy.predict_action_chunk(observation, prompt, previous)
            took = (time.perf_counter() - start) * 1e3
        except ValueError as error:
            return f"ValueError: {error}"
        except (RuntimeError, cv2.error) as error:  # out of memory, say: the server lives on
            logger.exception("A plan failed.")
            return f"ValueError: The policy failed: {error}"
        return pack({"actions": chunk.actions, "server_timing": {"infer_ms": took}})


@dataclass(frozen=True, slots=True)
class Options:
    """What `python -m policy.serve` can be asked."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """Folder that `policy.train` wrote."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 8000
    """Port to listen on."""
    token: str | None = None
    """If given, clients must send `Authorization: Api-Key TOKEN`."""
    body: str | None = None
    """Name of the body to drive, of a checkpoint that knows several; its first otherwise."""
    seed: int = 0
    """Of the noise that plans start from."""
    any_words: bool = False
    """Take instructions with words that were not in training, too. Without it, a client such as
    `policy.evaluate` can still ask for it, plan by plan."""
    graphs: bool = True
    """On a GPU, play chunks back from CUDA graphs."""


def main(options: Options) -> None:
    """Serve a checkpoint over openpi's websocket protocol."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    try:
        policy = LocalPolicy.load(
            options.checkpoint, body=options.body, seed=options.seed, graphs=options.graphs
        )
        policy.any_words = options.any_words
        served = PolicyServer(policy, options.checkpoint, options.token)
        server = served.listen(options.host, options.port)
    except (ValueError, OSError) as error:
        raise SystemExit(f"Cannot serve: {error}") from error
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    port = server.socket.getsockname()[1]
    logger.info("Serving %s on ws://%s:%d", options.checkpoint, options.host, port)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="server") as pool:
        serving = pool.submit(server.serve_forever)
        serving.add_done_callback(lambda _: ended.set())
        ended.wait()
        server.shutdown()  # waits for the loop, so it cannot be called by the thread that runs it
        serving.result()


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
