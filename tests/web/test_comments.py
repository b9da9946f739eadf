"""Comments and their files, as forms send them: taken, refused, never lost."""

from __future__ import annotations

import re
import socket

import pytest

from gateway.errors import Invalid, StoreError, StoreFull
from tests.web.conftest import Site
from tests.web.standin import StandInDoor

TEN_MEBIBYTE = 10_485_760


class TestComments:
    @pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
    def test_is_added_and_shown(self, site: Site, door: StandInDoor, kind: str) -> None:
        files = {"files": ("", b"", "application/octet-stream")} if kind == "multipart" else None
        answer = site.client.post(site.page() + "/comments", data={"text": "Grün\r\nand ☃"}, files=files)
        assert (answer.status_code, answer.content) == (303, b"")
        assert answer.headers["location"] == f"/helpdesk/ticket/{door.READER}#added"
        assert door.calls == [("comment", ("Grün\nand ☃", ()))]
        assert "Grün\nand ☃" in site.client.get(site.page()).text

    def test_keeps_the_text_when_it_is_refused(self, site: Site, door: StandInDoor) -> None:
        answer = site.client.post(site.page() + "/comments", data={"text": "  \n "})
        assert answer.status_code == 422
        assert 'id="error" role="alert">Please write something first, or choose a file.' in answer.text
        textarea = re.search(r"<textarea[^>]*>\n  \n ", answer.text)
        assert textarea
        assert 'aria-describedby="error" aria-invalid="true" autofocus' in textarea[0]
        assert door.calls == []

    @pytest.mark.parametrize(("failure", "status"), [(StoreError("locked"), 503), (StoreFull("disk"), 507)])
    def test_keeps_the_text_when_the_store_fails(
        self, site: Site, door: StandInDoor, failure: StoreError, status: int
    ) -> None:
        door.failing_to_store = failure
        answer = site.client.post(site.page() + "/comments", data={"text": "<precious>"})
        assert answer.status_code == status
        assert "&lt;precious&gt;</textarea>" in answer.text
        assert int(answer.headers["retry-after"]) > 0
        for secret in ("locked", "disk"):
            assert secret not in answer.text

    @pytest.mark.parametrize(("failure", "status"), [(StoreError("locked"), 503), (StoreFull("disk"), 507)])
    def test_says_so_when_the_store_fails(
        self, site: Site, door: StandInDoor, failure: StoreError, status: int
    ) -> None:
        door.failing = failure
        assert site.client.get(site.page()).status_code == status
        assert site.client.post(site.page() + "/read", data={"up_to": "1"}).status_code == status

    def test_says_how_long_a_text_may_be(self, site: Site, door: StandInDoor) -> None:
        door.failing_to_store = Invalid("text", "page.long_comment", limit=100_000)
        answer = site.client.post(site.page() + "/comments", data={"text": "long"})
        assert answer.status_code == 422
        assert "This text is too long: 100000 characters are possible." in answer.text

    def test_a_body_that_is_no_form_is_refused(self, site: Site, door: StandInDoor) -> None:
        where = site.page() + "/comments"
        multipart = {"Content-Type": "multipart/form-data; boundary=x"}
        assert site.client.post(where, json={"text": "x"}).status_code == 400
        assert site.client.post(where, content=b"text=x").status_code == 400
        assert site.client.post(where, content=b"--y\r\n\r\n", headers=multipart).status_code == 400
        assert door.calls == []


class TestFiles:
    def test_come_with_the_comment(self, site: Site, door: StandInDoor) -> None:
        files = [
            ("files", ("../../pa\u200bsswd", b"a" * 300_000, "text/plain")),
            ("files", ("žluť.txt", b"b", "text/plain")),
            ("other", ("x", b"never mind", "text/plain")),
        ]
        answer = site.client.post(site.page() + "/comments", data={"text": "see"}, files=files)
        assert answer.status_code == 303
        assert door.calls == [("comment", ("see", (("passwd", 300_000), ("žluť.txt", 1))))]
        assert sorted(door.octets.values()) == [b"a" * 300_000, b"b"]

    def test_may_have_exactly_ten_mebibyte_in_all(self, site: Site, door: StandInDoor) -> None:
        where = site.page() + "/comments"
        half = TEN_MEBIBYTE // 2
        files = [("files", ("1", b"x" * half)), ("files", ("2", b"x" * half))]
        assert site.client.post(where, data={"text": "a"}, files=files).status_code == 303
        answer = site.client.post(where, data={"text": "keep <me>"}, files=[*files, ("files", ("3", b"x"))])
        assert answer.status_code == 413
        assert "keep &lt;me&gt;</textarea>" in answer.text
        assert re.search(r'type="file"[^>]*aria-invalid="true"', answer.text)
        assert len(door.calls) == 1

    def test_many_files_and_long_texts_are_refused(self, site: Site, door: StandInDoor) -> None:
        where = site.page() + "/comments"
        files = [("files", (str(n), b"x")) for n in range(21)]
        refused = site.client.post(where, data={"text": "a"}, files=files)
        assert refused.status_code == 413 and "Up to 20 files with 10\xa0MB in all" in refused.text
        for body in ({"data": {"text": "ä" * 140_000}}, {"files": {"text": (None, b"x" * 300_000)}}):
            assert site.client.post(where, **body).status_code == 413
        assert site.client.post(where, content=b"text=" + b"x" * 2_000_000).status_code in (400, 413)
        parts = {f"field{n}": (None, b"x") for n in range(200)}
        assert site.client.post(where, files=parts).status_code == 413
        assert door.calls == []

    def test_an_endless_body_is_cut_off(self, site: Site, door: StandInDoor) -> None:
        head = f"POST /helpdesk/ticket/{door.READER}/comments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"
        part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n'
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
            connection.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(part), part))
            with pytest.raises(ConnectionError):
                _pour(connection, chunk)
        assert site.client.get(site.page()).status_code == 200
        assert door.calls == []


def _pour(connection: socket.socket, chunk: bytes) -> None:
    """A gibibyte, unless somebody stops it."""
    for _ in range(1024):
        connection.sendall(chunk)
