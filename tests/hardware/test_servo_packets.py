"""The emulator's packets against the bytes that the protocol's e-manual publishes.

Every example is from emanual.robotis.com/docs/en/dxl/protocol2, section "Instruction Details".
"""

import random

import pytest
from servo_bus.packets import Instruction, Packet, Reader, crc16, encode, fast_status, status

PUBLISHED = {
    "ping": (1, Instruction.PING, "", "FF FF FD 00 01 03 00 01 19 4E"),
    "broadcast ping": (254, Instruction.PING, "", "FF FF FD 00 FE 03 00 01 31 42"),
    "read": (1, Instruction.READ, "84 00 04 00", "FF FF FD 00 01 07 00 02 84 00 04 00 1D 15"),
    "write": (
        1,
        Instruction.WRITE,
        "74 00 00 02 00 00",
        "FF FF FD 00 01 09 00 03 74 00 00 02 00 00 CA 89",
    ),
    "reg write": (
        1,
        Instruction.REG_WRITE,
        "68 00 C8 00 00 00",
        "FF FF FD 00 01 09 00 04 68 00 C8 00 00 00 AE 8E",
    ),
    "action": (1, Instruction.ACTION, "", "FF FF FD 00 01 03 00 05 02 CE"),
    "factory reset": (1, Instruction.FACTORY_RESET, "01", "FF FF FD 00 01 04 00 06 01 A1 E6"),
    "reboot": (1, Instruction.REBOOT, "", "FF FF FD 00 01 03 00 08 2F 4E"),
    "clear": (
        1,
        Instruction.CLEAR,
        "01 44 58 4C 22",
        "FF FF FD 00 01 08 00 10 01 44 58 4C 22 B1 DC",
    ),
    "sync read": (
        254,
        Instruction.SYNC_READ,
        "84 00 04 00 01 02",
        "FF FF FD 00 FE 09 00 82 84 00 04 00 01 02 CE FA",
    ),
    "sync write": (
        254,
        Instruction.SYNC_WRITE,
        "74 00 04 00 01 96 00 00 00 02 AA 00 00 00",
        "FF FF FD 00 FE 11 00 83 74 00 04 00 01 96 00 00 00 02 AA 00 00 00 82 87",
    ),
    "fast sync read": (
        254,
        Instruction.FAST_SYNC_READ,
        "84 00 04 00 03 07 04",
        "FF FF FD 00 FE 0A 00 8A 84 00 04 00 03 07 04 20 F2",
    ),
    "bulk read": (
        254,
        Instruction.BULK_READ,
        "01 90 00 02 00 02 92 00 01 00",
        "FF FF FD 00 FE 0D 00 92 01 90 00 02 00 02 92 00 01 00 1A 05",
    ),
    "bulk write": (
        254,
        Instruction.BULK_WRITE,
        "01 20 00 02 00 A0 00 02 1F 00 01 00 50",
        "FF FF FD 00 FE 10 00 93 01 20 00 02 00 A0 00 02 1F 00 01 00 50 B7 68",
    ),
}

STATUSES = {
    "ping of 1": (1, "06 04 26", "FF FF FD 00 01 07 00 55 00 06 04 26 65 5D"),
    "ping of 2": (2, "06 04 26", "FF FF FD 00 02 07 00 55 00 06 04 26 6F 6D"),
    "write": (1, "", "FF FF FD 00 01 04 00 55 00 A1 0C"),
    "read of 1": (1, "A6 00 00 00", "FF FF FD 00 01 08 00 55 00 A6 00 00 00 8C C0"),
    "read of 2": (2, "1F 08 00 00", "FF FF FD 00 02 08 00 55 00 1F 08 00 00 BA BE"),
    "bulk read of 1": (1, "77 00", "FF FF FD 00 01 06 00 55 00 77 00 C3 69"),
    "bulk read of 2": (2, "24", "FF FF FD 00 02 05 00 55 00 24 8B A9"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_instruction_packets_are_the_published_ones(name):
    id_, instruction, params, published = PUBLISHED[name]
    assert encode(id_, instruction, bytes.fromhex(params)) == bytes.fromhex(published)


@pytest.mark.parametrize("name", STATUSES)
def test_status_packets_are_the_published_ones(name):
    id_, params, published = STATUSES[name]
    assert status(id_, 0, bytes.fromhex(params)) == bytes.fromhex(published)


def test_a_fast_status_packet_carries_a_running_checksum_after_each_servo():
    segments = ["00 03 A6 00 00 00", "00 07 1F 08 00 00", "00 04 FF 03 00 00"]
    built = fast_status([bytes.fromhex(part) for part in segments], 3 * (4 + 4))
    assert built == bytes.fromhex(
        "FF FF FD 00 FE 19 00 55 00 03 A6 00 00 00 84 08"
        "00 07 1F 08 00 00 16 CA 00 04 FF 03 00 00 D1 9E"
    )


def test_a_fast_bulk_status_packet_does_too():
    segments = ["00 03 A6 00 00 00", "00 07 A5 01", "00 04 1F"]
    built = fast_status([bytes.fromhex(part) for part in segments], 8 + 6 + 5)
    assert built == bytes.fromhex(
        "FF FF FD 00 FE 14 00 55 00 03 A6 00 00 00 67 A4 00 07 A5 01 24 74 00 04 1F D9 C1"
    )


def test_a_header_inside_a_packet_is_stuffed_and_comes_back_whole():
    params = bytes.fromhex("74 00 FF FF FD 00 FF FF FD FD")
    raw = encode(5, Instruction.WRITE, params)
    assert raw.count(b"\xff\xff\xfd\xfd") == 2
    assert Reader().feed(raw) == [Packet(5, Instruction.WRITE, params)]


def test_packets_are_found_between_noise_however_the_bytes_arrive():
    chance = random.Random(3)
    sent = [encode(id_, Instruction.READ, bytes([132, 0, 4, 0])) for id_ in range(1, 20)]
    stream = b"".join(bytes(chance.randrange(250) for _ in range(3)) + raw for raw in sent)
    reader, found = Reader(), []
    while stream:
        size = chance.randint(1, 9)
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert [packet.id for packet in found] == list(range(1, 20))


def test_a_flipped_bit_is_noticed():
    raw = bytearray(encode(1, Instruction.PING))
    raw[4] ^= 2
    assert not Reader().feed(bytes(raw))[0].crc_right
    assert crc16(bytes(raw[:-2])) != int.from_bytes(raw[-2:], "little")
