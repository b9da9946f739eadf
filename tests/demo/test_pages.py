"""The catcher's pages as HTTP: who may ask, what a mail may do, what a form may send."""

from __future__ import annotations

import re

import pytest

from tests.demo.conftest import Demo

SECURE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store"}


@pytest.fixture
def notice(demo: Demo) -> str:
    """The path of Alice's first notice, which has a file and two ways to answer."""
    return f"/demo/mail/{demo.mails('Alice Archer')[-1][0]}"


@pytest.mark.parametrize("path", ["/demo", "/demo/write", "{notice}", "{notice}?view=raw"])
def test_pages_run_nothing_foreign(demo: Demo, notice: str, path: str) -> None:
    with demo.client() as client:
        answer = client.get(path.format(notice=notice))
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert SECURE.items() <= dict(answer.headers).items()
    assert re.search(r"<style|<[^>]+ style=|<[^>]+ on[a-z]+=|<script>", answer.text) is None


def test_a_mail_is_a_document_without_an_origin(demo: Demo, notice: str) -> None:
    with demo.client() as client:
        answer = client.get(f"{notice}/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups") and "default-src 'none'" in policy
    assert "allow-scripts" not in policy and "allow-same-origin" not in policy
    assert answer.text.startswith("<!doctype html>") and "style=" in answer.text


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("text", "The packing list is attached."),
        ("headers", "<dt>Auto-Submitted</dt>"),
        ("raw", "Content-Type: multipart/mixed"),
        ("nonsense", "<iframe"),
    ],
)
def test_every_form_of_a_mail(demo: Demo, notice: str, view: str, words: str) -> None:
    with demo.client() as client:
        assert words in client.get(f"{notice}?view={view}").text


def test_files_are_saved_never_shown(demo: Demo, notice: str) -> None:
    with demo.client() as client:
        file = client.get(f"{notice}/files/0")
        source = client.get(f"{notice}/source")
    assert b"Desk lamp" in file.content and source.content.startswith(b"Return-Path:")
    for answer in (file, source):
        assert answer.headers["content-disposition"].startswith("attachment;")
        assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "path", ["/demo/mail/9999", "{notice}/files/9", "/demo/assets/page.py", "/demo/mail/0/html"]
)
def test_what_is_not_there(demo: Demo, notice: str, path: str) -> None:
    with demo.client() as client:
        assert client.get(path.format(notice=notice)).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}],
    ids=["site", "origin"],
)
def test_other_sites_send_nothing(demo: Demo, notice: str, headers: dict[str, str]) -> None:
    with demo.client() as client:
        for path in (f"{notice}/reply", "/demo/write"):
            assert client.post(path, data={"text": "x"}, headers=headers).status_code == 403


def test_answers_go_only_where_the_mail_says(demo: Demo, notice: str) -> None:
    with demo.client() as client:
        form = {"to": "somebody@else.example", "text": "x"}
        assert client.post(f"{notice}/reply", data=form).status_code == 400


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"address": "no address", "to": "support@demo.helpgate.test"}, "That is no mail address"),
        ({"address": "x@customers.helpgate.test", "to": "somebody@else.example"}, "That is no mail address"),
        (
            {
                "address": "x@customers.helpgate.test",
                "to": "support@demo.helpgate.test",
                "name": "a\r\nBcc: b@c.example",
            },
            "",
        ),
    ],
    ids=["address", "desk", "header"],
)
def test_a_form_that_is_wrong_keeps_its_words(demo: Demo, form: dict[str, str], words: str) -> None:
    with demo.client() as client:
        answer = client.post("/demo/write", data=form | {"text": "My own words."})
    if words:
        assert answer.status_code == 422 and words in answer.text and "My own words." in answer.text
    else:
        assert answer.status_code == 303


def test_a_form_that_is_too_long_is_refused(demo: Demo) -> None:
    with demo.client() as client:
        assert client.post("/demo/write", data={"text": "x" * 2_000_000}).status_code == 413


def test_localhost_is_the_same_place_and_other_names_are_none(demo: Demo) -> None:
    port = demo.url.rpartition(":")[2]
    with demo.client() as client:
        assert client.get("/demo", headers={"Host": f"localhost:{port}"}).status_code == 200
        assert client.get("/demo", headers={"Host": f"helpgate.example:{port}"}).status_code == 421
