"""A policy server that knows one instruction, speaking openpi's protocol to the real client."""

from contextlib import contextmanager

import numpy as np
from small_robot import WAVE
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from policy.wire import pack, unpack


@contextmanager
def policy_server(body, executor):
    """Serve the left arm's waving; yield the address."""
    hello = {
        "embodiment": body.to_json(),
        "image_sizes": {"cam_high": [48, 64]},
        "action_hz": 10.0,
        "tasks": [WAVE],
    }

    def answer(question):
        if question["prompt"] != WAVE:
            return f"ValueError: Unknown instruction. It was trained on: {WAVE}."
        actions = np.repeat(np.asarray(question["state"], np.float32)[None], 16, axis=0)
        actions[:, 0] += np.linspace(0, 0.4, 16, dtype=np.float32)
        return pack({"actions": actions, "server_timing": {"infer_ms": 1.0}})

    def converse(connection):
        try:
            connection.send(pack(hello))
            for frame in connection:
                connection.send(answer(unpack(frame)))
        except ConnectionClosed:
            return

    with serve(converse, "127.0.0.1", 0, compression=None, max_size=None) as server:
        running = executor.submit(server.serve_forever)
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        running.result()
