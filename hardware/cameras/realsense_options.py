"""Sets a RealSense's sensor options by name, or says which it has and in what range."""

from collections.abc import Mapping

from hardware.cameras.realsense_devices import RealSenseObject
from hardware.cameras.source import SourceRefusedError

AUTOMATIC = {
    "exposure": "enable_auto_exposure",
    "gain": "enable_auto_exposure",
    "white_balance": "enable_auto_white_balance",
}
"""What must be switched off before an option obeys."""


def set_options(device: RealSenseObject, options: Mapping[str, int | float]) -> None:
    """Set each option on every sensor that has it.

    Raises `SourceRefusedError` listing what the camera offers: names, or the range of one.
    """
    sensors = list(device.query_sensors())
    for name, value in options.items():
        owners = [sensor for sensor in sensors if name in writable(sensor)]
        if not owners:
            offered = sorted({one for sensor in sensors for one in writable(sensor)})
            raise SourceRefusedError(
                f"The camera has no option {name!r} that can be set. It offers: "
                f"{', '.join(offered) or 'none'}."
            )
        for sensor in owners:
            _set(sensor, name, value)


def writable(sensor: RealSenseObject) -> dict[str, RealSenseObject]:
    """Return the options of a sensor that can be set, by name."""
    return {
        option.name: option
        for option in sensor.get_supported_options()
        if not sensor.is_option_read_only(option)
    }


def _set(sensor: RealSenseObject, name: str, value: int | float) -> None:
    offered = writable(sensor)
    limits = sensor.get_option_range(offered[name])
    if not limits.min <= value <= limits.max:
        raise SourceRefusedError(
            f"Option {name!r} goes from {limits.min:g} to {limits.max:g} in steps of "
            f"{limits.step:g}, got {value:g}."
        )
    automatic = AUTOMATIC.get(name)
    try:
        if automatic in offered:
            sensor.set_option(offered[automatic], 0)
        sensor.set_option(offered[name], value)
    except RuntimeError as error:
        raise SourceRefusedError(f"The camera refused {name} {value:g}: {error}") from error
