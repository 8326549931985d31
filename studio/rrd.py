"""One recorded episode as a Rerun file: body, films, joints, plans. Logs nothing that is live."""

import bisect
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rerun as rr
import rerun.blueprint as rrb

from hardware.control_loop import Tick
from hardware.embodiment import Embodiment
from hardware.interfaces import Observation
from hardware.kinematics import kinematics_for
from policy.interface import ActionChunk
from recordings import layout
from recordings.dataset import Dataset
from recordings.drives import DriveRecord, Plan, read_drives, read_plans
from recordings.features import ACTION, STATE, TIME
from studio.scene3d import Scene3D, views_of_body

TIMELINE = "episode_time"
TRAIL_ROWS = 30
"""Of the path that was driven, behind the arms."""


class EpisodeFile:
    """Writes one episode of `dataset` to a file that Rerun opens, films as they are.

    Arms are drawn in 3-D where the body has a kinematic model; else there are curves alone.
    Making one raises `ValueError` when the episode cannot be read.
    """

    def __init__(self, dataset: Dataset, episode: int) -> None:
        self._dataset = dataset
        self._episode = episode
        self._rows = dataset.rows(episode)
        self._times = np.asarray(self._rows.get(TIME, self._rows["timestamp"]), np.float64).ravel()
        described = (dataset.folder / layout.EMBODIMENT).exists()
        self._body: Embodiment | None = dataset.embodiment if described else None
        kinematics = kinematics_for(self._body) if self._body else None
        self._scene = Scene3D(self._body, kinematics) if self._body and kinematics else None

    @property
    def film_bytes(self) -> int:
        """Size of the films, which go into the file as they are: nearly all of it."""
        films = [self._dataset.film_path(self._episode, camera) for camera in self._dataset.cameras]
        return sum(film.stat().st_size for film in films)

    def write(self, path: Path) -> None:
        """Write it."""
        recording = rr.RecordingStream("vla_studio_episode")
        recording.save(path, default_blueprint=self._blueprint())
        try:
            record = read_drives(self._dataset.folder).get(self._episode)
            self._log_words(recording, record)
            for camera in self._dataset.cameras:
                self._log_film(recording, camera)
            if self._scene is None:
                self._log_curves(recording)
            else:
                self._log_scene(recording, self._scene, self._plans(record))
        finally:
            recording.disconnect()

    def _plans(self, record: DriveRecord | None) -> list[Plan]:
        if record is None:
            return []
        return read_plans(self._dataset.folder, record, float(self._times[-1]))

    def _blueprint(self) -> rrb.Blueprint:
        films = [
            rrb.Spatial2DView(origin=f"films/{camera}", name=camera)
            for camera in self._dataset.cameras
        ]
        if self._body is not None and self._scene is not None:
            rest: rrb.Container | rrb.View = views_of_body(self._body)
        else:
            rest = rrb.TimeSeriesView(origin="joints", name="joints")
        return rrb.Blueprint(
            rrb.Vertical(rrb.Horizontal(*films), rest, row_shares=[2, 3]),
            rrb.TimePanel(timeline=TIMELINE, state="collapsed"),
            collapse_panels=True,
        )

    def _log_words(self, recording: rr.RecordingStream, record: DriveRecord | None) -> None:
        task = "; ".join(self._dataset.episode_tasks(self._episode))
        recording.log("task", rr.TextDocument(task), static=True)
        for span in record.spans_shown(float(self._times[-1])) if record else ():
            recording.set_time(TIMELINE, duration=span.from_secs)
            words = ": ".join(part for part in (span.driver, span.words) if part)
            recording.log("driver", rr.TextLog(words))

    def _log_film(self, recording: rr.RecordingStream, camera: str) -> None:
        film = rr.AssetVideo(path=self._dataset.film_path(self._episode, camera))
        recording.log(f"films/{camera}", film, static=True)
        first = self._dataset.first_frame(self._episode, camera)
        moments = np.asarray(film.read_frame_timestamps_nanos())[first : first + len(self._times)]
        recording.send_columns(
            f"films/{camera}",
            indexes=[rr.TimeColumn(TIMELINE, duration=self._times[: len(moments)])],
            columns=rr.VideoFrameReference.columns_nanos(moments),
        )

    def _log_curves(self, recording: rr.RecordingStream) -> None:
        for kind, feature in (("measured", STATE), ("wanted", ACTION)):
            if feature not in self._rows:
                continue
            values = np.asarray(self._rows[feature], np.float64).reshape(len(self._times), -1)
            columns = rr.Scalars.columns(scalars=values.ravel())
            recording.send_columns(
                f"joints/{kind}",
                indexes=[rr.TimeColumn(TIMELINE, duration=self._times)],
                columns=columns.partition([values.shape[1]] * len(values)),
            )

    def _log_scene(
        self, recording: rr.RecordingStream, scene: Scene3D, plans: Sequence[Plan]
    ) -> None:
        scene.log_static(recording)
        states = [np.asarray(row, np.float32) for row in self._rows[STATE]]
        actions = [np.asarray(row, np.float32) for row in self._rows[ACTION]]
        taken = [plan.taken_secs for plan in plans]
        for number, time in enumerate(self._times.tolist()):
            recording.set_time(TIMELINE, duration=time)
            seen = Observation(time, states[number], {})
            scene.log_tick(recording, Tick(number, seen, actions[number], actions[number], 0.0))
            newest = bisect.bisect_right(taken, time) - 1
            trail = states[max(0, number - TRAIL_ROWS) : number + 1]
            scene.log_paths(recording, _chunk(plans[newest], time) if newest >= 0 else None, trail)


def _chunk(plan: Plan, time: float) -> ActionChunk | None:
    """Return a plan, unless it is over."""
    chunk = ActionChunk(plan.actions, plan.observed_secs, plan.hz)
    return chunk if chunk.ends_at >= time else None
