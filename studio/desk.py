"""Everything the page works on, in one place, and how an order from a browser is carried out."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from recordings.catalogue import Catalogue
from studio.browser import browser_of
from studio.episodes import Episodes
from studio.notices import Notices
from studio.policy_host import PolicyHost
from studio.record_desk import RecordDesk
from studio.seat import Seat
from studio.station import Station
from studio.training import Training
from studio.viewer import Viewer
from studio.workcell_desk import WorkcellDesk


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts behind the page."""

    station: Station
    record: RecordDesk
    host: PolicyHost
    seat: Seat
    catalogue: Catalogue
    episodes: Episodes
    training: Training
    viewer: Viewer
    workcell: WorkcellDesk

    @property
    def notices(self) -> Notices:
        """Where errors go."""
        return self.station.notices

    def order(self, request: gr.Request, act: Callable[[], object]) -> None:
        """Carry out `act` if the browser may command; say why not otherwise."""
        with self.notices.reporting(""):
            self.seat.claim(browser_of(request.cookies))
            act()

    def who(self, request: gr.Request) -> str:
        """Return what people call the browser that asks."""
        return f"browser {self.seat.greet(browser_of(request.cookies))}"
