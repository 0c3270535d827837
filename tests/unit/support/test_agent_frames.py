from __future__ import annotations

from tests.support import agent


def test_frames_come_out_as_they_went_in_however_they_were_cut() -> None:
    data = b"\0\xff" * 100
    messages: list[dict[str, object]] = [{"id": 1, "pid": 7}, {"id": 2, "out": agent.encode(data)}]
    stream = b"".join(agent.frame(message) for message in messages)
    framer = agent.Framer()

    found = [m for place in range(len(stream)) for m in framer.feed(stream[place : place + 1])]

    assert found == messages
    assert agent.decode(str(found[1]["out"])) == data
