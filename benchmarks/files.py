"""A plain web server for where nginx is not installed: GET of whole files, sent by the kernel.

python -m benchmarks.files PORT FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import unquote


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, root: Path) -> None:
    loop = asyncio.get_running_loop()
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = root / unquote(head.split(b" ", 2)[1].decode()).lstrip("/")
            size = path.stat().st_size
            writer.write(f'HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: "{path.name}-{size}"\r\n\r\n'.encode())
            await writer.drain()
            with path.open("rb") as file:
                await loop.sendfile(writer.transport, file)
    except (asyncio.IncompleteReadError, ConnectionError, FileNotFoundError):
        writer.close()


async def serve(port: int, root: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, root), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
