"""The 3-D view is told of every thing on every table, in its form."""

import rerun as rr

from hardware.aloha import aloha_embodiment
from hardware.kinematics import Kinematics
from hardware.simulation.layout import TABLES
from hardware.simulation.solids import solids
from hardware.simulation.world import World
from studio.pages.drive import TABLE_WORDS
from studio.scene3d import Scene3D


def test_every_table_is_logged(tmp_path):
    scene = Scene3D(aloha_embodiment(("cam_high",)), Kinematics())
    with World() as world:
        for table in TABLES:
            world.reset(5, table)
            recording = rr.RecordingStream("test")
            recording.save(tmp_path / f"{table}.rrd")
            scene.log_things(recording, solids(world))
            scene.log_things(recording, [])  # a table may be cleared
            recording.flush()
            recording.disconnect()
            written = (tmp_path / f"{table}.rrd").read_bytes()
            for form in {solid.form for solid in solids(world)}:
                assert f"/world/things/{form}".encode() in written


def test_every_table_has_words_on_the_page():
    assert tuple(TABLE_WORDS) == TABLES
