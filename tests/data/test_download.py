import hashlib
import io
import socket
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xdn import settings
from xdn.data import download as module
from xdn.data.cifar10 import ARCHIVE, Cifar10
from xdn.data.download import Archive, download
from xdn.errors import DataError

MEMBERS = ("set/one", "set/two")


def tar_of(entries):
    """Return a tar.gz of name -> content, or of ready TarInfo objects."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in entries:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """Serves one content; `piece` cuts every answer off after that many bytes."""

    content, piece, ranges, endless, status = b"", None, True, False, 200

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_port}/files/archive.tar.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        content = self.server.content[start:]
        if self.server.status != 200:
            return self.send_error(self.server.status)
        if start and not content:
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{start + len(content) - 1}/{len(self.server.content)}")
        if not self.server.endless:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.piece])
        return None

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def archive(server):
    server.content = tar_of([("set/one", b"1" * 5000), ("set/more", b"x"), ("set/two", bytes(range(256)) * 500)])
    return Archive(server.url, hashlib.md5(server.content).hexdigest(), MEMBERS)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_fetches_the_members_and_nothing_else(tmp_path, server, archive):
    told = []
    download(archive, tmp_path / "data", lambda done, total: told.append((done, total)))
    assert files(tmp_path / "data") == ["set/one", "set/two"]
    assert (tmp_path / "data/set/one").read_bytes() == b"1" * 5000
    assert told[-1] == (len(server.content), len(server.content))
    assert server.requests == [None]


def test_a_broken_connection_is_renewed_where_it_broke(tmp_path, server, archive):
    server.piece = len(server.content) // 3 + 1
    download(archive, tmp_path)
    assert files(tmp_path) == ["set/one", "set/two"]
    assert server.requests == [None, f"bytes={server.piece}-", f"bytes={2 * server.piece}-"]


def test_a_later_call_goes_on(tmp_path, server, archive):
    (tmp_path / ".archive.tar.gz.part").write_bytes(server.content[:100])
    download(archive, tmp_path)
    assert server.requests == ["bytes=100-"]
    assert files(tmp_path) == ["set/one", "set/two"]


def test_a_complete_part_is_not_fetched_again(tmp_path, server, archive):
    (tmp_path / ".archive.tar.gz.part").write_bytes(server.content)
    download(archive, tmp_path)
    assert files(tmp_path) == ["set/one", "set/two"]


def test_a_server_without_ranges_starts_anew(tmp_path, server, archive):
    server.ranges = False
    (tmp_path / ".archive.tar.gz.part").write_bytes(b"other")
    download(archive, tmp_path)
    assert files(tmp_path) == ["set/one", "set/two"]


def test_an_interruption_keeps_what_came(tmp_path, server, archive, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_BYTES", 64)

    def interrupt(done, total):
        if done > 150:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(archive, tmp_path, interrupt)
    assert files(tmp_path) == [".archive.tar.gz.part"]
    download(archive, tmp_path)
    assert server.requests == [None, "bytes=192-"]
    assert files(tmp_path) == ["set/one", "set/two"]


def test_a_wrong_checksum_leaves_nothing(tmp_path, server, archive):
    server.content = server.content[:-1] + b"?"
    with pytest.raises(DataError, match=f"has the md5 .* published one is {archive.md5}.*thrown away"):
        download(archive, tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize("status", [404, 500])
def test_an_error_of_the_server_is_told(tmp_path, server, archive, status):
    server.status = status
    with pytest.raises(DataError, match=r"127\.0\.0\.1.*after 0 bytes.*--data DIR"):
        download(archive, tmp_path)


def test_an_address_that_does_not_answer_is_told(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/archive.tar.gz"
    with pytest.raises(DataError, match="broke off after 0 bytes"):
        download(Archive(url, "", MEMBERS), tmp_path)


def test_a_silent_server_is_given_up(tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/archive.tar.gz"
        with pytest.raises(DataError, match="timed out"):
            download(Archive(url, "", MEMBERS), tmp_path, timeout_s=0.2)


@pytest.mark.parametrize("endless", [False, True])
def test_too_much_is_refused(tmp_path, server, archive, monkeypatch, endless):
    server.endless = endless
    monkeypatch.setattr(settings, "MAX_DOWNLOAD_BYTES", 200)
    with pytest.raises(DataError, match="more than 200 bytes"):
        download(archive, tmp_path)
    assert files(tmp_path) == []


def served(server, content):
    server.content = content
    return Archive(server.url, hashlib.md5(content).hexdigest(), MEMBERS)


def test_names_that_lead_out_of_the_folder_are_passed_over(tmp_path, server):
    link = tarfile.TarInfo("set/one")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hostile = [(link, b""), ("../escaped", b"x"), ("/absolute", b"x"), ("set/../../escaped", b"x")]
    good = [("set/one", b"1"), ("set/two", b"2")]
    download(served(server, tar_of(hostile + good)), tmp_path / "data")
    assert files(tmp_path) == ["data/set/one", "data/set/two"]
    assert (tmp_path / "data/set/one").read_bytes() == b"1"
    assert not (tmp_path / "data/set/one").is_symlink()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no archive", "cannot be read"),
        (tar_of([("set/one", b"1")]), "lacks set/two"),
        (tar_of([("set/one", b"1" * 100_000), ("set/two", b"2")])[:-30], "cannot be read|lacks"),
    ],
    ids=["no archive", "a file too few", "cut off"],
)
def test_a_wrong_archive_is_told(tmp_path, server, content, problem):
    with pytest.raises(DataError, match=problem):
        download(served(server, content), tmp_path)


def test_a_member_that_is_too_large_is_refused(tmp_path, server, archive, monkeypatch):
    monkeypatch.setattr(settings, "MAX_PICKLE_BYTES", 4999)
    with pytest.raises(DataError, match="set/one has 5000 bytes"):
        download(archive, tmp_path)


def test_cifar10_comes_from_its_archive(tmp_path, server, rng, monkeypatch):
    from tests.data.samples import write_cifar_python

    write_cifar_python(tmp_path / "source", rng)
    content = tar_of([(name, (tmp_path / "source" / name).read_bytes()) for name in ARCHIVE.members])
    server.content = content
    local = Archive(server.url, hashlib.md5(content).hexdigest(), ARCHIVE.members)
    monkeypatch.setattr("xdn.data.cifar10.ARCHIVE", local)
    Cifar10.fetch(tmp_path / "data")
    assert Cifar10.is_in(tmp_path / "data", "train")
    assert len(Cifar10.find(tmp_path / "data", "train")) == 35
