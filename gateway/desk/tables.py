"""All nouns of the product, one table each, on one page. The verbs are in the files beside this one.

Times are milliseconds UTC; yes and no are 1 and 0; a `handle` is what a row is called towards the
outside (random, redrawn to revoke). A ticket's messages are counted by `position`, from 1.
"""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, BlobField, CompositeKey, IntegerField, Model, TextField

OPEN, PENDING, ONHOLD, SOLVED, CLOSED = "open", "pending", "onhold", "solved", "closed"
STATUSES = (OPEN, PENDING, ONHOLD, SOLVED, CLOSED)
CLIENT, AGENT, INTERNAL, SYSTEM = "client", "agent", "internal", "system"
EVERYONE, AGENTS_ONLY = "all", "agents"


class Desk(Model):
    """A team with an address. `reply` and `bounce` are patterns for sealed addresses, empty for none."""

    id = BigAutoField()
    name = TextField()
    address = TextField()
    address_key = TextField()
    reply = TextField()
    bounce = TextField()
    delay_s = IntegerField(null=True)
    instantly = IntegerField()
    answered_status = TextField()
    closed_letter = IntegerField()
    form_senders = TextField()
    locale = TextField()
    timezone = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "desk"


class FormerAddress(Model):
    """Where a desk was reached before: a plain address, or a sealed one with `{token}` in it."""

    desk_id = BigIntegerField()
    pattern = TextField()

    class Meta:
        table_name = "former_address"
        primary_key = CompositeKey("desk_id", "pattern")


class Contact(Model):
    """Somebody outside who writes. `email` is as first seen, `email_key` is for comparing."""

    id = BigAutoField()
    email = TextField()
    email_key = TextField()
    name = TextField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "contact"


class Agent(Model):
    """Somebody who answers."""

    id = BigAutoField()
    email = TextField()
    email_key = TextField()
    name = TextField()
    active = IntegerField()
    all_desks = IntegerField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "agent"


class AgentDesk(Model):
    """An agent of some desks works at this one."""

    agent_id = BigIntegerField()
    desk_id = BigIntegerField()

    class Meta:
        table_name = "agent_desk"
        primary_key = CompositeKey("agent_id", "desk_id")


class Ticket(Model):
    """One matter. `linked_id` is the ticket it goes on from or may belong to (`link_kind`)."""

    id = BigAutoField()
    handle = BigIntegerField()
    number = TextField()
    desk_id = BigIntegerField()
    requester_id = BigIntegerField(null=True)
    assignee_id = BigIntegerField(null=True)
    subject = TextField()
    status = TextField()
    priority = TextField()
    category = TextField(null=True)
    source = TextField()
    last_position = IntegerField()
    linked_id = BigIntegerField(null=True)
    link_kind = TextField()
    created_at = BigIntegerField()
    updated_at = BigIntegerField()
    closed_at = BigIntegerField(null=True)

    class Meta:
        table_name = "ticket"


class Message(Model):
    """One thing said. `text` is what is shown, `full_text` has nothing folded.

    audience: `all`, or `agents` for notes and for what strangers wrote.  visible_at: until then it is
    nowhere.  automatic: an automatic reply, shown folded.  proof: agent, participant, unverified, claimed or archive.
    remark: what agents should know about it.  folded_lines: how many lines `text` leaves out.
    """

    id = BigAutoField()
    ticket_id = BigIntegerField()
    position = IntegerField()
    kind = TextField()
    audience = TextField()
    contact_id = BigIntegerField(null=True)
    agent_id = BigIntegerField(null=True)
    author_name = TextField()
    author_email = TextField()
    created_at = BigIntegerField()
    visible_at = BigIntegerField()
    inbound_id = BigIntegerField(null=True)
    message_id = TextField()
    text = TextField()
    full_text = TextField()
    folded_lines = IntegerField()
    html = TextField(null=True)
    automatic = IntegerField()
    proof = TextField()
    remark = TextField()

    class Meta:
        table_name = "message"


class Participant(Model):
    """A contact on a ticket. `reads_from`: the first position they may see; NULL `let_in_at`: nothing yet."""

    id = BigAutoField()
    ticket_id = BigIntegerField()
    contact_id = BigIntegerField()
    handle = BigIntegerField()
    requester = IntegerField()
    reads_from = IntegerField()
    let_in_at = BigIntegerField(null=True)
    added_by = TextField()
    read_to = IntegerField()
    read_at = BigIntegerField(null=True)
    told_to = IntegerField()
    unsubscribed_at = BigIntegerField(null=True)

    class Meta:
        table_name = "participant"


class Seat(Model):
    """An agent's place at a ticket: their reply address, note address and view hang on its handle."""

    id = BigAutoField()
    ticket_id = BigIntegerField()
    agent_id = BigIntegerField()
    handle = BigIntegerField()
    took_part = IntegerField()
    read_to = IntegerField()
    read_at = BigIntegerField(null=True)

    class Meta:
        table_name = "seat"


class Reference(Model):
    """A foreign Message-ID seen on a ticket. RFC 5322 §3.6.4."""

    message_id = TextField()
    ticket_id = BigIntegerField()

    class Meta:
        table_name = "reference"
        primary_key = CompositeKey("message_id", "ticket_id")


class Attachment(Model):
    """A file of a message; its octets are a blob. audience: `all` who may see the message, or `agents`."""

    id = BigAutoField()
    message_id = BigIntegerField()
    handle = BigIntegerField()
    filename = TextField()
    content_type = TextField()
    size = BigIntegerField()
    sha256 = TextField()
    content_id = TextField()
    inline = IntegerField()
    audience = TextField()

    class Meta:
        table_name = "attachment"


class Event(Model):
    """Something that happened to a ticket; never changed."""

    id = BigAutoField()
    ticket_id = BigIntegerField()
    kind = TextField()
    at = BigIntegerField()
    position = IntegerField()
    agent_id = BigIntegerField(null=True)
    contact_id = BigIntegerField(null=True)
    detail = TextField()

    class Meta:
        table_name = "event"


class Notification(Model):
    """A promise to tell one recipient of one event. state: waiting, written, or skipped or failed (`reason` says why).

    attempts: how often its letter could not be written.
    """

    id = BigAutoField()
    event_id = BigIntegerField()
    ticket_id = BigIntegerField()
    kind = TextField()
    position = IntegerField()
    participant_id = BigIntegerField(null=True)
    seat_id = BigIntegerField(null=True)
    due_at = BigIntegerField()
    state = TextField()
    reason = TextField()
    letter_id = BigIntegerField(null=True)
    attempts = IntegerField()
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "notification"


class Letter(Model):
    """The outbox: one outgoing mail for one recipient, and where it stands.

    position: the newest message it shows.  cause: the journal id of the mail that made us send it by
    ourselves.  reverse_path is empty for the null one.  size: octets.  doubts: how often it was perhaps delivered.
    operator_told_at: when the summary said that it needs a human.
    """

    id = BigAutoField()
    handle = BigIntegerField()
    kind = TextField()
    desk_id = BigIntegerField(null=True)
    ticket_id = BigIntegerField(null=True)
    participant_id = BigIntegerField(null=True)
    seat_id = BigIntegerField(null=True)
    author_id = BigIntegerField(null=True)
    position = IntegerField()
    recipient = TextField()
    reverse_path = TextField()
    message_id = TextField()
    size = IntegerField()
    automatic = IntegerField()
    cause = BigIntegerField(null=True)
    state = TextField()
    attempts = IntegerField()
    doubts = IntegerField()
    next_attempt_at = BigIntegerField()
    lease_until = BigIntegerField()
    last_reply = TextField()
    created_at = BigIntegerField()
    sent_at = BigIntegerField(null=True)
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "outbox"


class LetterOctets(Model):
    """The composed mail of a letter, by the letter's id; apart from its row, which is written anew with each state."""

    id = BigIntegerField(primary_key=True)
    octets = BlobField()

    class Meta:
        table_name = "letter_octets"


class Suppression(Model):
    """An address whose letters come back: no more are sent once `suppressed_at` is set. See `desk.suppression`.

    letters: how many came back.  reply: what was said of the last one.
    operator_told_at: when the summary said that it is suppressed.
    """

    id = BigAutoField()
    address = TextField()
    address_key = TextField()
    letters = IntegerField()
    first_at = BigIntegerField()
    last_at = BigIntegerField()
    suppressed_at = BigIntegerField(null=True)
    reply = TextField()
    operator_told_at = BigIntegerField(null=True)

    class Meta:
        table_name = "suppression"


class Grant(Model):
    """One receipt to somebody unproven, counted against the budgets of [acknowledge]."""

    id = BigAutoField()
    at = BigIntegerField()
    address_key = TextField()
    domain = TextField()
    network = TextField()

    class Meta:
        table_name = "receipt_grant"
