"""Who takes part in the demo. Names below .test are reserved: mail to them can go nowhere else."""

from __future__ import annotations

from gateway.mail.reading import Mailbox

HOST = "demo.helpgate.test"
DESK = Mailbox(f"support@{HOST}", "Support")
ALICE = Mailbox("alice@agents.helpgate.test", "Alice Archer")
CAROL = Mailbox("carol@customers.helpgate.test", "Carol Clark")
DAVE = Mailbox("dave@customers.helpgate.test", "Dave Dunn")
