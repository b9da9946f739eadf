"""What a refused verb says to an operator, by the key of its error."""

from __future__ import annotations

from gateway.errors import DeskError

SENTENCES = {
    "desk.unknown": "there is no desk {name}: `helpgate desk list` shows them",
    "desk.exists": "there is a desk {name} with the address {address} already",
    "desk.never_had": "desk {name} has no former address {address}: `helpgate desk show {name}` lists them",
    "desk.unknown_setting": "a desk has no setting {name}; it has: {known}",
    "desk.bad_name": "a desk's name is 1 to 80 printable characters",
    "desk.local_part_too_long": "what stands before the token in a sealed address may have {limit} octets at most:"
    " shorten the address or the pattern",
    "desk.bad_seconds": "{name} is a number of seconds, 86400 at most; empty for the configuration's",
    "desk.bad_switch": "{name} is yes or no",
    "desk.bad_status": "answered_status is one of: {known}",
    "desk.bad_pattern": "{name} is a pattern like {example} with one {{token}} before the @; empty for none",
    "desk.bad_locale": "{locale} is no locale: write en, or pt_BR",
    "desk.bad_timezone": "{timezone} is no time zone: write UTC, or Europe/Warsaw",
    "agent.unknown": "there is no agent {address}: `helpgate agent list` shows them",
    "agent.exists": "there is an agent {address} already",
    "agent.is_desk": "{address} is a desk's address: mail to it would come back to us",
    "address.unreadable": "{address} is not an address: write name@example.org",
    "import.no_mbox": "{path} does not begin like an mbox file: where it is one mail, add --format eml",
    "import.unknown_folder": "{name} is no IMAP folder of this desk: give it an [[imap]] mailbox in helpgate.toml",
    "ticket.unknown": "there is no ticket {number}",
    "page.not_found": "there is no such page",
    "page.agents_only_read": "an agent's link is for reading",
    "page.empty_comment": "a comment needs some text or a file",
    "page.long_comment": "a comment may have {limit} characters",
    "page.requester_stays": "the person who asked is always told",
}


def sentence(error: DeskError) -> str:
    """The sentence of an error, with its values."""
    return SENTENCES[error.key].format(**error.values)
