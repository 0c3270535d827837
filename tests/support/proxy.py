"""A proxy for https: ``python -m tests.support.proxy PORT [AUTHORIZATION]``.

Says ``ready``, then a line for each connection it makes.
"""

from __future__ import annotations

import asyncio
import sys


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main(port: int, authorization: str = "") -> None:
    """Serve until killed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        fields = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        if fields.get("proxy-authorization", "") != authorization:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        host, _, where = head[0].split()[1].partition(":")
        print(host, flush=True)  # noqa: T201 - what the test reads
        there = await asyncio.open_connection("127.0.0.1", int(where))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print("ready", flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
