"""The makers' SDK, loaded when a bus is opened, with two of its faults mended. Opens no port.

As of dynamixel-sdk 4.1.0: `addStuffing` builds the stuffed packet and throws it away, and `readRx`
takes the first bytes of any reply of the right servo, even a late one to another question.
"""

from types import ModuleType
from typing import Any

from hardware.interfaces import HardwareError

INSTRUCTION_AT = 7
"""First byte of a packet that stuffing looks at."""

ERROR_AT, DATA_AT = 8, 9
STATUS_BYTES = 11
"""Bytes of a status packet around its data."""


def load_sdk() -> ModuleType:
    """Return the SDK. Raises `HardwareError` saying how to install it."""
    try:
        import dynamixel_sdk
    except ImportError as error:
        raise HardwareError(
            "DYNAMIXEL arms need the makers' SDK. Run: pip install dynamixel-sdk pyserial"
        ) from error
    return dynamixel_sdk  # type: ignore[no-any-return]


def packet_handler(sdk: ModuleType) -> Any:  # noqa: ANN401 - the SDK has no types
    """A packet handler of `sdk` for Protocol 2.0."""

    class MendedPacketHandler(sdk.Protocol2PacketHandler):  # type: ignore[misc, name-defined]
        def addStuffing(self, packet: list[int]) -> list[int]:  # noqa: N802 - the SDK's name
            body = bytes(packet[INSTRUCTION_AT:-2])
            stuffed = body.replace(b"\xff\xff\xfd", b"\xff\xff\xfd\xfd")
            if len(stuffed) > len(body):
                length = len(stuffed) + 2
                packet[5:7] = [length & 0xFF, length >> 8]
                packet[INSTRUCTION_AT:-2] = stuffed
            return packet

        def removeStuffing(self, packet: list[int]) -> list[int]:  # noqa: N802 - the SDK's name
            body = bytes(packet[INSTRUCTION_AT:-2])
            packet[INSTRUCTION_AT:-2] = body.replace(b"\xff\xff\xfd\xfd", b"\xff\xff\xfd")
            return packet

        def readRx(  # noqa: N802 - the SDK's name
            self,
            port: Any,  # noqa: ANN401 - whatever the SDK takes for a port
            dxl_id: int,
            length: int,
        ) -> tuple[list[int], int, int]:
            while True:
                packet, result = self.rxPacket(port, False)  # noqa: FBT003 - the SDK's way
                if result != sdk.COMM_SUCCESS:
                    return [], result, 0
                # A refusal carries no data.
                fits = len(packet) in (length + STATUS_BYTES, STATUS_BYTES)
                if packet[4] == dxl_id and fits:
                    return packet[DATA_AT : DATA_AT + length], result, packet[ERROR_AT]

    return MendedPacketHandler()
