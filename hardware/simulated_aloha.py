"""The simulated ALOHA put together: a world, its arms and cameras, and the robot made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from hardware.aloha import ARMS, CAMERAS, CONTROL_HZ, aloha_embodiment
from hardware.arms.sim import SimArm
from hardware.cameras.sim import LiveSimCamera, SimCamera
from hardware.clock import MonotonicClock
from hardware.interfaces import Camera
from hardware.robot import Robot
from hardware.safety.aloha_limits import simulated_aloha_limits
from hardware.simulation.live import LiveWorld
from hardware.simulation.world import World


@dataclass(frozen=True, slots=True)
class SimulatedAloha:
    """A robot and the world it lives in. Entering it opens the robot, leaving closes both."""

    robot: Robot
    world: World
    live: LiveWorld | None
    """The threads that run the world; None in lockstep."""

    def __enter__(self) -> "SimulatedAloha":
        self.robot.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.robot.__exit__(kind, error, traceback)
        self.world.close()


def simulated_aloha(
    *,
    seed: int = 0,
    realtime: bool,
    cameras: Sequence[str] = CAMERAS,
    height: int = 480,
    width: int = 640,
    fps: int | float = 15,
) -> SimulatedAloha:
    """Build a simulated ALOHA with cubes placed by `seed`.

    With `realtime`, the world runs in threads of its own against the machine's clock, for people.
    Without, the robot's clock is the world itself, which computes as fast as it can: one seed
    gives one result. `height` and `width` of the pictures are in pixels, `fps` is per camera.
    """
    if not 0 < fps <= CONTROL_HZ:
        raise ValueError(f"Cameras need a rate above 0 and up to {CONTROL_HZ} fps, got {fps}.")
    world = World(seed)
    body = aloha_embodiment(cameras, height=height, width=width)
    limits = simulated_aloha_limits(body)
    if realtime:
        live = LiveWorld(world, cameras, height=height, width=width, fps=fps)
        arms = [SimArm(world, arm, live=live) for arm in ARMS]
        eyes: dict[str, Camera] = {name: LiveSimCamera(live, name) for name in cameras}
        return SimulatedAloha(Robot(body, arms, eyes, MonotonicClock(), limits), world, live)
    arms = [SimArm(world, arm) for arm in ARMS]
    eyes = {name: SimCamera(world, name, height=height, width=width, fps=fps) for name in cameras}
    return SimulatedAloha(Robot(body, arms, eyes, world, limits), world, None)
