"""A bucket on this machine: an emulator of Google Cloud Storage behind the names that TensorFlow's client speaks to.

    python -m tests.bucket FOLDER SHARE

writes `authority.pem` into the folder, prints the port of a proxy, and serves `gs://bucket` until it is ended. It fails
the share of all requests: half of them it answers by "503 Service Unavailable", half by closing the connection.
"""

import random
import socket
import socketserver
import ssl
import sys
import threading
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import trustme
from gcp_storage_emulator import server as emulator
from gcp_storage_emulator.handlers import objects

HOSTS = ("storage.googleapis.com", "www.googleapis.com")


def mend_emulator(failing: float) -> None:
    """Have the emulator understand what TensorFlow's client does, serve several requests at a time, and fail some."""
    chance = random.Random(0)
    parse, read_raw, read = emulator.RequestHandler.parse_request, emulator._read_raw_data, emulator._read_data
    begin, incomplete = emulator.Request.__init__, objects._resumable_incomplete

    def parse_request(self):
        understood = parse(self)
        if understood and chance.random() < failing:
            self.close_connection = True
            if chance.random() < 0.5:
                self.wfile.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return False
        if understood and self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # or the client waits a second
        return understood

    def read_raw_data(handler):
        if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
            del handler.headers["Content-Length"]  # sent as well, and then of no meaning (RFC 9112, 6.3)
        return read_raw(handler)

    def read_data(handler, query):
        data = read(handler, query)
        return b"" if data is None and query.get("uploadType") == ["media"] else data  # an empty object

    def initialize(self, *arguments, **options):
        begin(self, *arguments, **options)
        host = self._request_handler.headers.get("Host", "")
        if host in HOSTS:  # where to send the content, which the answer to a resumable upload names
            self._base_url = f"https://{host}"
            self._full_url = self._base_url + self._path

    def say_incomplete(response, storage, upload_id, fallback_end=0):
        incomplete(response, storage, upload_id, fallback_end)
        if not storage.get_resumable_byte_count(upload_id):
            del response._headers["Range"]  # which would say that one byte is there

    emulator.RequestHandler.parse_request, emulator.Request.__init__ = parse_request, initialize
    emulator._read_raw_data, emulator._read_data = read_raw_data, read_data
    objects._resumable_incomplete = say_incomplete
    emulator.server.HTTPServer = ThreadingHTTPServer


def start_emulator() -> int:
    """Serve an empty bucket; return the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    emulator.create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket").start()
    return port


class Proxy(socketserver.ThreadingTCPServer):
    """Answers CONNECT for the names of Google's storage, ends the encryption, and passes all on to the emulator."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext, behind: int):
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.context, self.behind = context, behind


class Tunnel(socketserver.StreamRequestHandler):
    """One connection through the proxy."""

    rbufsize = 0  # nothing of the encrypted part may be read ahead

    def handle(self):
        host = self.rfile.readline().split()[1].decode().split(":")[0]
        while self.rfile.readline().strip():
            pass  # the other lines of the request's head
        if host not in HOSTS:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as client,
            socket.create_connection(("127.0.0.1", self.server.behind)) as server,
        ):
            answers = threading.Thread(target=self.copy, args=(server, client), daemon=True)
            answers.start()
            self.copy(client, server)
            answers.join()

    @staticmethod
    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    mend_emulator(float(sys.argv[2]))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(Path(sys.argv[1], "authority.pem")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(context)
    with Proxy(context, start_emulator()) as proxy:
        print(proxy.server_address[1], flush=True)
        proxy.serve_forever()
