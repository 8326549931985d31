"""What is drawn is lighter than what collides, and looks the same."""

import numpy as np
import pytest

from hardware.interfaces import HardwareError
from hardware.light_meshes import COLLIDING_GROUP, DRAWN_GROUP, merge_near, read_stl
from hardware.simulation.scene import aloha_scene


def faces_in(group):
    model = aloha_scene().model
    of_arms = model.geom_bodyid < model.body("cube_0").id
    meshes = model.geom_dataid[(model.geom_group == group) & (model.geom_dataid >= 0) & of_arms]
    return sum(int(model.mesh_facenum[mesh]) for mesh in meshes)


def test_pictures_need_less_than_a_third_of_the_triangles():
    assert 0 < faces_in(DRAWN_GROUP) < faces_in(COLLIDING_GROUP) / 3


def test_nothing_drawn_collides():
    model = aloha_scene().model
    drawn = model.geom_group == DRAWN_GROUP
    assert (model.geom_contype[drawn] == 0).all()
    assert (model.geom_conaffinity[drawn] == 0).all()


def test_merging_moves_no_corner_further_than_its_cell():
    rng = np.random.default_rng(0)
    corners = rng.uniform(-0.05, 0.05, (400, 3, 3))
    vertices, faces = merge_near(corners, 0.01)
    assert len(faces) <= 400
    gaps = np.linalg.norm(vertices[:, None] - corners.reshape(-1, 3)[None], axis=-1)
    assert gaps.min(axis=1).max() <= 0.01 * np.sqrt(3)
    assert faces.max() < len(vertices)


def test_a_broken_mesh_file_is_named(tmp_path):
    path = tmp_path / "arm.stl"
    path.write_bytes(b"solid nonsense")
    with pytest.raises(HardwareError, match=r"arm\.stl"):
        read_stl(path)
