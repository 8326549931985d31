import asyncio

from studio.outbox import IN_FLIGHT, Outbox
from studio.pictures import Picture


class Wire:
    def __init__(self):
        self.sent = []

    async def send_bytes(self, data):
        self.sent.append(data)

    async def send_text(self, data):
        self.sent.append(data)


def picture(camera, number):
    return Picture(camera, number, f"{camera}:{number}".encode())


async def after_sending(outbox, wire):
    sending = asyncio.ensure_future(outbox.send_forever(wire))
    for _ in range(20):
        await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


def test_a_slow_browser_gets_the_newest_picture_and_no_queue():
    async def scene():
        outbox, wire = Outbox(2), Wire()
        for number in range(5):
            outbox.offer_picture(picture(0, number))
        outbox.offer_picture(picture(1, 0))
        await after_sending(outbox, wire)
        assert wire.sent == [b"0:4", b"1:0"]
        assert outbox.replaced == 4

    asyncio.run(scene())


def test_no_more_pictures_are_sent_than_a_browser_draws():
    async def scene():
        outbox, wire = Outbox(1), Wire()
        for number in range(5):
            outbox.offer_picture(picture(0, number))
            await after_sending(outbox, wire)
        assert wire.sent == [b"0:0", b"0:1"][:IN_FLIGHT]
        outbox.drawn(0)
        await after_sending(outbox, wire)
        assert wire.sent[-1] == b"0:4"

    asyncio.run(scene())


def test_of_every_kind_of_text_the_newest_is_sent():
    async def scene():
        outbox, wire = Outbox(1), Wire()
        for text in ("old", "new"):
            outbox.offer_text("state", text)
        outbox.offer_text("notices", "hello")
        await after_sending(outbox, wire)
        assert wire.sent == ["new", "hello"]

    asyncio.run(scene())
