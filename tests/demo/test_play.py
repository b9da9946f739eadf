"""`helpgate demo` from the outside: what it prints works, what it plays is there, what it leaves behind."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.demo.conftest import Demo, running
from tests.parts import programs
from tests.parts.daemon import COMMAND

CONVERSATION = ("a crack in its shade", "a new shade leaves our house", "Thursday is fine")


def test_it_says_where_to_write_and_what_to_open(demo: Demo) -> None:
    said = demo.log_text()
    assert "support@demo.helpgate.test" in said and "alice@agents.helpgate.test" in said
    assert "letters wait 2 s" in said and "held 0 s" in said
    assert max(len(line) for line in demo.lines if line != demo.command) < 200


def test_the_first_conversation_was_played_through_the_doors(demo: Demo) -> None:
    with demo.client() as client:
        page = client.get(demo.ticket_url).text
    assert [page.find(words) for words in CONVERSATION] == sorted(page.find(words) for words in CONVERSATION)
    assert all(words in page for words in CONVERSATION) and "packing-list-2041.txt" in page
    assert "wrote:" not in page, "the quoted notice was folded away as ours"


def test_a_stranger_gets_the_fixed_receipt(demo: Demo) -> None:
    first, preview = demo.mails("Carol Clark")[-1]
    assert "crack" not in preview
    with demo.client() as client:
        receipt = client.get(f"/demo/mail/{first}?view=raw").text
        why = client.get("/demo").text
    assert "Auto-Submitted: auto-replied" in receipt and "lamp" not in receipt
    assert "repeats not a word of their mail" in why


def test_a_newcomer_writes_answers_and_reads(demo: Demo, demo_folder: Path) -> None:
    """The minute of the README: the printed command, the agent's answer, the customer's mailbox."""
    subprocess.run(["sh", "-c", demo.command], check=True, timeout=30, env=programs.clean_environment())
    notice = demo.mail("Alice Archer", "It was due on Monday.")
    with demo.client() as client:
        page = client.get(f"/demo/mail/{notice}").text
        to = re.findall(r'name="to" value="([^"]+)"', page)[0]
        sent = client.post(f"/demo/mail/{notice}/reply", data={"to": to, "text": "It comes today."})
        assert (sent.status_code, sent.headers["location"][:11]) == (303, "/demo?sent=")
        letter = demo.mail("Dave Dunn", "It comes today.")
        link = re.findall(r'class="out" href="([^"]+)"', client.get(f"/demo/mail/{letter}").text)[0]
        assert "It comes today." in client.get(link).text
    config = str(demo_folder / "kept" / "helpgate.toml")
    done = programs.run([*COMMAND, "journal", "--json", "--config", config], cwd=demo_folder)
    rows = {str(row["id"]): row for row in map(json.loads, done.stdout.splitlines())}
    answer = rows[sent.headers["location"].rpartition("=")[2]]
    assert (answer["fate"], answer["carrier"], answer["proof"]) == ("applied", "address", "agent")


def test_an_internal_note_by_mail_stays_inside(demo: Demo) -> None:
    form = {"name": "Erin Ely", "address": "erin@customers.helpgate.test", "to": "support@demo.helpgate.test"}
    with demo.client() as client:
        client.post("/demo/write", data=form | {"subject": "Bulb", "text": "Which bulb fits?"})
        notice = demo.mail("Alice Archer", "Which bulb fits?")
        page = client.get(f"/demo/mail/{notice}").text
        note = re.findall(r'name="to" value="([^"]+)"', page)[1]
        client.post(f"/demo/mail/{notice}/reply", data={"to": note, "text": "She asked last week, too."})
        answer = re.findall(r'name="to" value="([^"]+)"', page)[0]
        client.post(f"/demo/mail/{notice}/reply", data={"to": answer, "text": "E14 it is."})
        letter = demo.mail("Erin Ely", "E14 it is.")
        assert "last week" not in client.get(f"/demo/mail/{letter}?view=raw").text
        agents_page = re.findall(r'class="out" href="([^"]+)"', page)[0]
        assert "She asked last week, too." in client.get(agents_page).text


def test_ports_that_are_taken_are_named_and_nothing_stays_behind(tmp_path: Path) -> None:
    with _taken(8080), _taken(2525), running(tmp_path, TMPDIR=str(tmp_path)) as demo:
        assert "8080 is taken" in demo.log_text() and "2525 is taken" in demo.log_text()
        assert [path.name[:14] for path in tmp_path.iterdir()] == ["helpgate-demo-"]
        assert demo.stop() == 0
        assert demo.lines[-1] == "Stopped; everything of the demo is gone."
    assert list(tmp_path.iterdir()) == []


def test_a_kept_folder_is_taken_up_again(tmp_path: Path) -> None:
    """Whatever the environment says: a demo has no configuration."""
    folder = tmp_path / "my demo"
    with running(tmp_path, str(folder), HELPGATE_STORE__URL="postgresql://nobody@127.0.0.1:1/none") as first:
        ticket = first.ticket_url.rpartition("/")[2]
        first.mail("Alice Archer", CONVERSATION[2])
        assert first.stop() == 0
    caught = sorted(path.name for path in (folder / "caught").glob("*.eml"))
    with running(tmp_path, str(folder)) as second:
        assert second.ticket_url.endswith(ticket)
        with second.client() as client:
            assert CONVERSATION[2] in client.get(second.ticket_url).text
        assert sorted(path.name for path in (folder / "caught").glob("*.eml")) == caught


def test_an_installation_is_left_alone(tmp_path: Path) -> None:
    programs.run([*COMMAND, "init", str(tmp_path), "--yes"], cwd=tmp_path)
    before = (tmp_path / "helpgate.toml").read_text()
    done = subprocess.run(
        [*COMMAND, "demo", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=programs.clean_environment(),
    )
    assert done.returncode == 64 and "give the demo a folder of its own" in done.stderr
    assert (tmp_path / "helpgate.toml").read_text() == before


@contextmanager
def _taken(port: int) -> Iterator[None]:
    """Somebody listens there, we if nobody else does."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
            holder.listen()
        except OSError:
            pass
        yield
