"""A mail server that takes every letter and keeps none: just enough of SMTP, with TLS when there is a certificate."""

import asyncio
import contextlib
import ssl
import sys

from tests.collection.programs import tell


async def serve(reader, writer):
    async def say(line):
        writer.write(line.encode() + b"\r\n")
        await writer.drain()

    with contextlib.suppress(OSError, ssl.SSLError):
        await say("220 mail.cedarplumbing.alt ESMTP")
        while line := (await reader.readline()).decode("latin-1").strip():
            match line.upper().split()[0]:
                case "EHLO":
                    await say("250-mail.cedarplumbing.alt\r\n250 AUTH PLAIN LOGIN")
                case "AUTH":
                    await say("235 ok")
                case "DATA":
                    await say("354 go on")
                    await reader.readuntil(b"\r\n.\r\n")
                    await say("250 ok")
                case "QUIT":
                    await say("221 bye")
                    break
                case _:
                    await say("250 ok")
        writer.close()


async def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
