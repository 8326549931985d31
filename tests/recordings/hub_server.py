"""Stands for a Hugging Face Hub: the API that the real client library talks to, over HTTP.

It keeps everything in memory, demands its token, and counts what it was asked for.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from threading import Event

from hub_requests import Handler


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos, self.blobs = {}, {}
        self.asked = []
        """Method and path of every request."""
        self.answers = {}
        """Part of a method and path, and the status to answer there instead of doing it."""
        self.stall_at = None
        """Part of a path: the answer, or half of it, then nothing more."""
        self.stalled = Event()
        self.wrong = {}
        """By SHA-256: what is sent instead of a large file."""
        self.xet = None
        """Folder of a Xet store of hf_xet's own, if large files shall go there."""
        self.xet_hashes = {}
        """By SHA-256: what hf_xet sums a large file up to. The Hub is told; here a test tells."""
        self.sizes = {}

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, method, part):
        return sum(each.startswith(method) and part in each for each in self.asked)

    def content(self, stored):
        if isinstance(stored, tuple):
            return b"" if self.xet else self.blobs[stored[0]]
        return stored

    def size(self, stored):
        return self.sizes[stored[0]] if isinstance(stored, tuple) else len(stored)

    def files(self, repo, revision="main"):
        commit = self.repos[repo].at(revision)
        return {path: self.content(each) for path, each in self.repos[repo].commits[commit].items()}

    def handle_error(self, request, client_address):
        pass  # a client that was killed


@contextmanager
def hub_server():
    server = HubServer()
    with ThreadPoolExecutor(1) as executor:
        running = executor.submit(server.serve_forever, 0.02)
        try:
            yield server
        finally:
            server.stalled.set()
            server.shutdown()
            server.server_close()
            running.result()
