"""One arm of the simulated ALOHA, as a device."""

from hardware.aloha import ARM_WIDTH, JOINTS, arm_slice
from hardware.interfaces import HardwareError, JointMotion, JointPositions
from hardware.safety.vitals import Vitals
from hardware.simulation.live import LiveWorld
from hardware.simulation.world import World


class SimArm:
    """Reads and commands one arm of a `World`; with `live`, keeps it running in real time."""

    def __init__(self, world: World, arm: str, *, live: LiveWorld | None = None) -> None:
        self._world = world
        self._arm = arm
        self._live = live
        self._number = arm_slice(arm).start // ARM_WIDTH
        self._connected = self._loose = False
        self._motion: JointMotion | None = None

    @property
    def vitals(self) -> Vitals:
        """The torque of each of its six joints; simulated motors draw nothing and stay cool."""
        joints = self._world.scene.arm_ctrl[self._number][: len(JOINTS)]
        with self._world.lock:
            torques = self._world.data.actuator_force[joints]
        return Vitals(newton_metres=dict(zip(JOINTS, torques.tolist(), strict=True)))

    @property
    def motion(self) -> JointMotion | None:
        """How its joints moved and what its motors gave when last read; None before."""
        return self._motion

    def recover(self) -> None:
        """Take commands again, and hold where the arm is."""
        self._check()
        self._loose = False
        self._world.command(self._arm, self._world.positions(self._arm))

    def let_go(self) -> None:
        """Refuse commands from now on; physics leaves the arm on its rest."""
        self._check()
        self._loose = True

    def connect(self) -> None:
        """Open the arm."""
        if not self._connected and self._live is not None:
            self._live.attach()
        self._connected, self._loose = True, False

    def disconnect(self) -> None:
        """Leave the arm holding its last command."""
        if self._connected and self._live is not None:
            self._live.detach()
        self._connected = False

    def read_positions(self) -> JointPositions:
        """Return where the arm is: six angles and the gripper, shape (7,)."""
        self._check()
        with self._world.lock:
            self._motion = self._world.motion(self._arm)
            return self._world.positions(self._arm)

    def write_positions(self, positions: JointPositions) -> None:
        """Set the targets, shape (7,)."""
        self._check()
        if self._loose:
            raise HardwareError(f"The simulated {self._arm} arm has no torque. Reset first.")
        self._world.command(self._arm, positions)

    def _check(self) -> None:
        if not self._connected:
            raise HardwareError(
                f"The simulated {self._arm} arm is not connected. Enter the Robot before use."
            )
        if self._live is not None:
            self._live.check()
