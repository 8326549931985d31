"""A served policy as a `Policy`: ours, or any that speaks openpi's protocol. Needs no torch."""

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from hardware.embodiment import Embodiment
from hardware.interfaces import Observation
from policy.first_look import frame_of, lacking, live
from policy.interface import ActionChunk, Commitment
from policy.wire import pack, unpack

ANSWER_SECS = 20.0
"""Longest wait for a plan."""


class PolicyUnreachableError(ConnectionError):
    """The policy server is not there, or went away."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says of itself that every later question and answer rests on."""

    embodiment: Embodiment | None
    image_sizes: dict[str, tuple[int, int]]
    action_hz: float | None

    @classmethod
    def read(cls, metadata: dict[str, Any]) -> "Told":
        """From the first message. Raises `ValueError` for a torn one."""
        body, hz = metadata.get("embodiment"), metadata.get("action_hz")
        sizes = metadata.get("image_sizes", {}).items()
        return cls(
            None if body is None else Embodiment.from_json(body),
            {name: (int(size[0]), int(size[1])) for name, size in sizes},
            None if hz is None else float(hz),
        )


class PolicyClient:
    """Plans by asking a server. One question at a time; safe to use from several threads."""

    def __init__(self, url: str, token: str | None = None, body: Embodiment | None = None) -> None:
        """Connect. `body` is assumed when the server does not say which it drives.

        Raises `PolicyUnreachableError`, and `ValueError` when the server describes no body.
        """
        self.url = url
        self.plan_secs = 0.0
        """How long the last plan took in the server."""
        self.any_words = False
        """Ask for plans on words that the policy was not trained on, too; servers that cannot be
        asked do as they were started. May be set at any time."""
        self._headers = {"Authorization": f"Api-Key {token}"} if token else {}
        self._turn = threading.Lock()
        self._open = ExitStack()
        self._connection: ClientConnection | None = None
        self._noise: np.random.Generator | None = None
        self.metadata = self._dial()
        self._told = Told.read(self.metadata)
        self._embodiment = self._told.embodiment or body
        if self._embodiment is None:
            self._open.close()
            raise ValueError(f"The server at {url} does not say which body it drives.")

    @property
    def embodiment(self) -> Embodiment:
        """The body this policy was trained on."""
        if self._embodiment is None:
            raise ValueError(f"The server at {self.url} does not say which body it drives.")
        return self._embodiment

    @property
    def tasks(self) -> tuple[str, ...]:
        """Instructions it was trained on."""
        return tuple(self.metadata.get("tasks", ()))

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras whose pictures are sent."""
        return live(self._views)

    @property
    def _views(self) -> tuple[str, ...]:
        return tuple(self._told.image_sizes) or self.embodiment.camera_names

    def seed(self, seed: int) -> None:
        """Make the n-th plan from here on depend on chance in n and `seed` alone.

        Asked of servers that say they can; others draw as they like.
        """
        self._noise = np.random.default_rng(seed)

    def predict_action_chunk(
        self, observation: Observation, task: str, previous: Commitment | None = None
    ) -> ActionChunk:
        """Ask for a plan that goes on from `previous`, where the server can do that.

        Raises `ValueError` with the server's words if it refuses, and `PolicyUnreachableError` if
        it does not answer.
        """
        question = {
            "state": observation.state,
            "images": {name: self._picture(observation, name) for name in self._views},
            "prompt": task,
        }
        if self._noise is not None and self.metadata.get("seeds"):
            question["seed"] = int(self._noise.integers(2**31))
        if self.any_words and self.metadata.get("any_words"):
            question["any_words"] = True
        if previous is not None and self.metadata.get("continues"):
            question["continue"] = {
                "actions": previous.chunk.actions,
                "hz": float(previous.chunk.hz),
                "age": observation.timestamp - previous.chunk.observed_at,
                "until": previous.until - observation.timestamp,
            }
        with self._turn:
            answer = self._ask(pack(question))
        message = self._message(answer)
        self.plan_secs = float(message.get("server_timing", {}).get("infer_ms", 0.0)) / 1e3
        actions = np.asarray(message["actions"], np.float32)
        width = len(self.embodiment.action_channels)
        if actions.ndim != 2 or actions.shape[1] < width:
            raise ValueError(
                f"Expected a chunk of {width} channels from {self.url}, got {actions.shape}."
            )
        hz = self._told.action_hz or self.embodiment.control_hz
        return ActionChunk(np.ascontiguousarray(actions[:, :width]), observation.timestamp, hz)

    def _dial(self) -> dict[str, Any]:
        """Connect, and return what the server says of itself."""
        try:
            connection = self._open.enter_context(
                connect(
                    self.url,
                    compression=None,
                    max_size=None,
                    additional_headers=self._headers,
                    open_timeout=10,
                )
            )
            hello = connection.recv(timeout=ANSWER_SECS)
        except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, TimeoutError) as error:
            self._open.close()
            raise PolicyUnreachableError(
                f"No policy server answers at {self.url} ({error}). Is policy.serve running there?"
            ) from error
        self._connection = connection
        return self._message(hello)

    def _dial_again(self) -> None:
        """Connect once more. Raises `ValueError` when what serves there now is something else."""
        metadata = self._dial()
        now = Told.read(metadata)
        changed = [
            name for name in Told.__slots__ if getattr(now, name) != getattr(self._told, name)
        ]
        if changed:
            self.close()
            raise ValueError(
                f"The server at {self.url} came back as another policy: {', '.join(changed)} "
                "differ from before. Choose the policy again."
            )
        self.metadata = metadata

    def _ask(self, question: bytes) -> str | bytes:
        if self._connection is None:
            self._dial_again()
        connection = self._connection
        if connection is None:
            raise PolicyUnreachableError(f"The connection to {self.url} was closed.")
        try:
            connection.send(question)
            return connection.recv(timeout=ANSWER_SECS)
        except (ConnectionClosed, OSError, TimeoutError) as error:
            # Hang up: a late answer must never be taken for that to a later question.
            self._connection = None
            self._open.close()
            raise PolicyUnreachableError(
                f"The policy server at {self.url} stopped answering ({error})."
            ) from error

    @staticmethod
    def _message(answer: str | bytes) -> dict[str, Any]:
        if isinstance(answer, bytes):
            return unpack(answer)
        raise ValueError(answer.removeprefix("ValueError: "))

    def close(self) -> None:
        """Hang up."""
        self._connection = None
        self._open.close()

    def _picture(self, observation: Observation, name: str) -> np.ndarray:
        if lacking(observation, [name]):
            raise ValueError(
                f"The policy looks at {list(self.cameras)}; this robot has "
                f"{list(observation.frames)}."
            )
        height, width = self._told.image_sizes.get(name, (224, 224))
        image = cv2.resize(
            frame_of(observation, name).image, (width, height), interpolation=cv2.INTER_AREA
        )
        return np.ascontiguousarray(image.transpose(2, 0, 1))
