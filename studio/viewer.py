"""The 3-D view: logs robot, cameras, paths and joints to Rerun, while someone looks."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import rerun as rr

from hardware.kinematics import Kinematics
from hardware.simulation.solids import Solid
from studio.notices import EXPECTED
from studio.rerun_server import RerunServer
from studio.scene3d import TIMELINE, Scene3D, blueprint
from studio.station import Station

LOG_HZ = 8.0

Things = Callable[[], Sequence[Solid]]
"""What is on the table, where it is now."""


class Viewer:
    """Starts Rerun when it is first wanted. Whatever happens to it, the page goes on."""

    def __init__(self, station: Station, kinematics: Kinematics | None, things: Things) -> None:
        self._station = station
        self._body = station.robot.embodiment
        self._kinematics = kinematics
        self._things = things
        self._lock = threading.Lock()
        self.server = RerunServer()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rerun")
        self._end = threading.Event()
        self._looking = threading.Event()
        self._num_looking = 0

    def __enter__(self) -> "Viewer":
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._looking.set()
        self._thread.shutdown(wait=True)
        self.server.stop()

    def open(self) -> None:
        """Make sure that Rerun runs and is logged to. Raises `ValueError` if it cannot."""
        if self._kinematics is None:
            raise ValueError("This body has no kinematic model: there is nothing to show.")
        with self._lock:
            if self.server.alive:
                return
            self.server.start()
            scene = Scene3D(self._body, self._kinematics)
            logging = self._thread.submit(self._log_forever, scene, self.server.port)
            self._station.notices.watch(logging, "The 3-D view")

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Count one viewer for as long as its stream is open."""
        with self._lock:
            self._num_looking += 1
            self._looking.set()
        try:
            yield
        finally:
            with self._lock:
                self._num_looking -= 1
                if self._num_looking == 0 and not self._end.is_set():
                    self._looking.clear()

    def _log_forever(self, scene: Scene3D, port: int) -> None:
        recording = rr.RecordingStream("vla_studio")
        recording.connect_grpc(self.server.url, default_blueprint=blueprint(self._body))
        recording.send_blueprint(blueprint(self._body))
        scene.log_static(recording)
        while self.server.alive and self.server.port == port:
            self._looking.wait()
            if self._end.wait(1 / LOG_HZ):
                break
            try:
                self._log(scene, recording)
            except EXPECTED as error:
                self._station.notices.error(f"The 3-D view: {error}")
                self._end.wait(10)
        if not self._end.is_set():
            self._station.notices.add(
                "Rerun ended. Show the 3-D view again to start it.", "warning"
            )
        recording.disconnect()

    def _log(self, scene: Scene3D, recording: rr.RecordingStream) -> None:
        tick = self._station.tick
        if tick is None:
            return
        recording.set_time(TIMELINE, duration=tick.observation.timestamp)
        scene.log_tick(recording, tick)
        scene.log_paths(recording, self._station.chunk, self._station.trail.states(40))
        scene.log_things(recording, self._things())
