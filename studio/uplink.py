"""What browsers send over the live connection: stop, jogging, the seat. Says no if it must."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hardware.safety.press import Press
from hardware.teleoperator import CartesianTeleoperator
from studio.notices import Notices
from studio.policy_host import PolicyHost
from studio.seat import Seat
from studio.station import Station
from studio.training import Training


class Uplink:
    """Carries out what a browser asks for. Called on the event loop, so nothing here waits.

    Without `teleoperator`, nobody drives by the page.
    """

    def __init__(
        self,
        station: Station,
        teleoperator: CartesianTeleoperator | None,
        seat: Seat,
        host: PolicyHost,
        training: Training,
    ) -> None:
        self._station = station
        self._host = host
        self._training = training
        self._teleoperator = teleoperator
        self._seat = seat
        self._sockets: Counter[str] = Counter()
        self._errands = ThreadPoolExecutor(max_workers=1, thread_name_prefix="errands")

    @property
    def _notices(self) -> Notices:
        return self._station.notices

    def arrive(self, browser: str) -> int:
        """Note one more connection of `browser`; return the number people know it by."""
        self._sockets[browser] += 1
        return self._seat.greet(browser)

    def alive(self, browser: str) -> None:
        """Note that `browser` still looks, so that it keeps the seat."""
        self._seat.greet(browser)
        if self._teleoperator is not None and self._seat.holds(browser):
            self._teleoperator.heard()

    def depart(self, browser: str) -> None:
        """Note that a connection ended. The last one frees the seat; who jogged by it is held."""
        self._sockets[browser] -= 1
        if self._sockets[browser] > 0:
            return
        del self._sockets[browser]
        if self._seat.holds(browser):
            self._station.lose_browser(self._seat.greet(browser))
            self._seat.leave(browser)

    def close(self) -> None:
        """Finish the errands under way."""
        self._errands.shutdown(wait=True)

    def take(self, browser: str, message: dict[str, Any]) -> None:
        """Carry out one message. An unknown or malformed one becomes a notice."""
        number = self._seat.greet(browser)
        with self._notices.reporting("Live connection"):
            match message.get("type"):
                case "stop":
                    self._station.stop(f"Browser {number} pressed Stop.", Press.told(message))
                case "take_seat":
                    self._seat.take(browser)
                    self._notices.add(f"Browser {number} took the seat.")
                case "jog":
                    self._jog(browser, message)
                case "reset":
                    self._seat.claim(browser)
                    presses = self._station.robot.gate.presses
                    self._errand(lambda: self._station.reset(presses))
                case "cancel_job":
                    self._seat.claim(browser)
                    self._errand(lambda: self._training.cancel(str(message["name"])))
                case "use_checkpoint":
                    self._seat.claim(browser)
                    self._host.use(str(message["checkpoint"]))
                case unknown:
                    raise ValueError(f"unknown message {unknown!r}.")

    def _errand(self, act: Callable[[], str | None]) -> None:
        def carry_out() -> None:
            words = act()
            if words:
                self._notices.add(words)

        self._notices.watch(self._errands.submit(carry_out), "Not done")

    def _jog(self, browser: str, message: dict[str, Any]) -> None:
        if self._teleoperator is None:
            return  # leader arms drive; the page knows and shows no pads
        if not self._seat.holds(browser):
            return  # a key held while another browser takes the seat; the arm holds
        self._teleoperator.heard()
        turn = message["turn"]
        gripper = message["gripper"]
        self._teleoperator.move(
            str(message["arm"]),
            [float(speed) for speed in message["velocity"]],
            turn=float(turn[0]),
            pitch=float(turn[1]),
            roll=float(turn[2]),
            gripper=None if gripper is None else float(gripper),
        )
