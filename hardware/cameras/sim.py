"""One camera of the simulated ALOHA, as a device."""

from hardware.interfaces import Frame, HardwareError
from hardware.simulation.live import LiveWorld
from hardware.simulation.world import World


class SimCamera:
    """Sees a `World` that is computed in lockstep: draws a picture when a new one is due.

    Pictures are due at whole multiples of 1/fps of simulated time since the world's last reset,
    the first at once.
    """

    def __init__(
        self, world: World, name: str, *, height: int, width: int, fps: int | float
    ) -> None:
        self._world = world
        self._name = name
        self._height, self._width = height, width
        self._fps = fps
        self._connected = False
        self._frame: Frame | None = None
        self._due = (-1, -1)

    def connect(self) -> None:
        """Open the camera."""
        self._connected = True

    def disconnect(self) -> None:
        """Close the camera."""
        self._connected = False
        self._frame = None

    def read_latest(self) -> Frame:
        """Return the newest picture, drawing it now if one is due."""
        if not self._connected:
            raise _unconnected(self._name)
        # The small term keeps 0.3 s * 10 from being frame 2.
        due = (self._world.resets, int(self._world.seconds_since_reset * self._fps + 1e-6))
        if self._frame is None or due != self._due:
            image = self._world.render(self._name, self._height, self._width)
            self._frame, self._due = Frame(image, self._world.now()), due
        return self._frame


class LiveSimCamera:
    """Sees a `LiveWorld`: returns the newest picture of its drawing thread."""

    def __init__(self, live: LiveWorld, name: str) -> None:
        self._live = live
        self._name = name
        self._connected = False

    def connect(self) -> None:
        """Open the camera and wait for its first picture; the first device starts the world."""
        if self._connected:
            return
        self._live.attach()
        try:
            self._live.newest(self._name)
        except HardwareError:
            self._live.detach()
            raise
        self._connected = True

    def disconnect(self) -> None:
        """Close the camera."""
        if self._connected:
            self._live.detach()
        self._connected = False

    def read_latest(self) -> Frame:
        """Return the newest picture. Raises `HardwareError` if the simulation has died."""
        if not self._connected:
            raise _unconnected(self._name)
        return self._live.newest(self._name)


def _unconnected(name: str) -> HardwareError:
    return HardwareError(f"The simulated camera {name!r} is not connected. Enter the Robot first.")
