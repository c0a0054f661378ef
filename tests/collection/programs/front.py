"""What stands in front of a server at a hosting firm: ends TLS, passes requests on, and spoils one thing if told to.

python -m tests.collection.programs.front --backend 8000 --certificate host.pem --fault strip-upgrade
"""

import argparse
import asyncio
import contextlib
import ssl

from tests.collection.programs import tell

PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
HOP = (b"connection", b"upgrade", b"keep-alive", b"proxy-connection")


def answer(status, title, *more):
    body = PAGE.format(title=title).encode()
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: text/html",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Front:
    def __init__(self, backend, other, fault):
        self.backend, self.other, self.fault = backend, other, fault

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            if self.fault == "hang":
                await reader.read(-1)
            else:
                await self._pass_on(reader, writer)
        with contextlib.suppress(OSError, ssl.SSLError):
            writer.close()
            await writer.wait_closed()

    async def _pass_on(self, reader, writer):
        line, *headers = (await reader.readuntil(b"\r\n\r\n")).rstrip().split(b"\r\n")
        path = line.split(b" ")[1].decode()
        if refused := self._refused(path):
            writer.write(refused)
            await writer.drain()
            return
        try:
            is_socket = any(header.lower().startswith(b"upgrade:") for header in headers)
            port = self.other if self.other and is_socket else self.backend
            inside, outside = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.write(answer("502 Bad Gateway", "502 Bad Gateway"))
            await writer.drain()
            return
        try:
            outside.write(b"\r\n".join([line, *self._sent(headers), b"", b""]))
            there = asyncio.create_task(_pipe(reader, outside))
            await self._back(inside, writer)
            there.cancel()
        finally:
            outside.transport.abort()

    def _refused(self, path):
        match self.fault:
            case "slash" if not path.endswith("/") and path.startswith("/twilio/voice"):
                return answer("301 Moved Permanently", "Moved", f"Location: {path}/")
            case "password":
                return answer("401 Unauthorized", "Staging", 'WWW-Authenticate: Basic realm="staging"')
            case "challenge":
                return answer("403 Forbidden", "Just a moment...")
            case "site":
                return answer("200 OK", "Cedar Plumbing - your plumber")
            case "no-webhook" if path.startswith("/twilio/voice"):
                return answer("404 Not Found", "Not Found")
        return b""

    def _sent(self, headers):
        fields = [header.partition(b":")[::2] for header in headers]
        if self.fault == "strip-upgrade":
            fields = [(name, value) for name, value in fields if name.lower() not in HOP]
            fields.append((b"Connection", b" close"))
        if self.fault == "host":
            fields = [(name, b" app:8000" if name.lower() == b"host" else value) for name, value in fields]
        if self.fault == "beta":
            fields.append((b"OpenAI-Beta", b" realtime=v1"))
        if self.fault == "proxied":
            fields += [(b"X-Forwarded-Proto", b" https"), (b"X-Forwarded-For", b" 203.0.113.7"), (b"Via", b" 1.1 edge")]
            fields = [(name.title() if name.islower() else name.lower(), value) for name, value in fields]
        return [name + b":" + value for name, value in fields]

    async def _back(self, inside, writer):
        head = await inside.readuntil(b"\r\n\r\n")
        if self.fault == "blank-line" and b"text/xml" in head:
            body = b"\n" + await inside.read(-1)
            lines = [each for each in head.rstrip().split(b"\r\n") if not each.lower().startswith(b"content-length")]
            writer.write(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body]))
        else:
            writer.write(head)
            await _pipe(inside, writer)
        await writer.drain()


async def _pipe(reader, writer):
    with contextlib.suppress(OSError, ssl.SSLError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backend", type=int, default=9)
    parser.add_argument("--other", type=int, default=0, help="where sockets go instead")
    parser.add_argument("--certificate", default="")
    parser.add_argument("--fault", default="")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    front = Front(options.backend, options.other, options.fault)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0, ssl=context)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
