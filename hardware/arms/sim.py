"""One arm of the simulated ALOHA, as a device."""

from hardware.aloha import arm_slice
from hardware.interfaces import HardwareError, JointPositions
from hardware.simulation.live import LiveWorld
from hardware.simulation.world import World


class SimArm:
    """Reads and commands one arm of a `World`; with `live`, keeps it running in real time."""

    def __init__(self, world: World, arm: str, *, live: LiveWorld | None = None) -> None:
        arm_slice(arm)  # refuses an unknown name
        self._world = world
        self._arm = arm
        self._live = live
        self._connected = False

    def connect(self) -> None:
        """Open the arm."""
        if not self._connected and self._live is not None:
            self._live.attach()
        self._connected = True

    def disconnect(self) -> None:
        """Leave the arm holding its last command."""
        if self._connected and self._live is not None:
            self._live.detach()
        self._connected = False

    def read_positions(self) -> JointPositions:
        """Return where the arm is: six angles and the gripper, shape (7,)."""
        self._check()
        return self._world.positions(self._arm)

    def write_positions(self, positions: JointPositions) -> None:
        """Set the targets, shape (7,)."""
        self._check()
        self._world.command(self._arm, positions)

    def _check(self) -> None:
        if not self._connected:
            raise HardwareError(
                f"The simulated {self._arm} arm is not connected. Enter the Robot before use."
            )
        if self._live is not None:
            self._live.check()
