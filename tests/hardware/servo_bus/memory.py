"""The control table of one emulated servo as bytes. Knows no rule of access and no motion."""

from servo_bus.packets import Error
from servo_bus.table import END, ROOM, Model


class Memory:
    """Registers by name and by address."""

    def __init__(self, model: Model) -> None:
        self.items = model.items
        self._bytes = bytearray(END)
        self._name = {item.address: name for name, item in model.items.items()}
        for name, item in model.items.items():
            self.poke(name, item.default)

    def poke(self, name: str, value: int) -> None:
        """Set a register past every rule, as the factory or physics does."""
        item = self.items[name]
        self._bytes[item.address : item.address + item.size] = value.to_bytes(
            item.size, "little", signed=item.signed and value < 0
        )

    def peek(self, name: str) -> int:
        """Read a register."""
        item = self.items[name]
        return int.from_bytes(
            self._bytes[item.address : item.address + item.size], "little", signed=item.signed
        )

    def span(self, address: int, length: int) -> bytes | None:
        """Neighbouring bytes, or None outside the table."""
        inside = length > 0 and address + length <= END
        return bytes(self._bytes[address : address + length]) if inside else None

    def plan(self, address: int, data: bytes) -> tuple[list[tuple[str, int]], Error]:
        """Which registers a write of `data` at `address` means to set, and to what."""
        planned: list[tuple[str, int]] = []
        if address + len(data) > END or not data:
            return planned, Error.ACCESS
        while data:
            name = self._name.get(address)
            if name is None:
                return planned, Error.ACCESS if address in ROOM else Error.DATA_LENGTH
            item = self.items[name]
            if len(data) < item.size:
                return planned, Error.DATA_LENGTH
            value = int.from_bytes(data[: item.size], "little", signed=item.signed)
            planned.append((name, value))
            address, data = address + item.size, data[item.size :]
        return planned, Error.NONE
