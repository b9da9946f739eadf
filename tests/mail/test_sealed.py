"""Signed and encrypted mail: what comes out of a signature, and which lines only a machine reads."""

from __future__ import annotations

import pytest

from gateway.mail.attached import CLOSED_MAIL, kind_of
from gateway.mail.sealed import armour, signed_content

SIGNED_OID = bytes.fromhex("06092a864886f70d010702")
DATA_OID = bytes.fromhex("06092a864886f70d010701")


def element(tag: int, *content: bytes) -> bytes:
    inside = b"".join(content)
    return bytes([tag, 0x82]) + len(inside).to_bytes(2, "big") + inside


def signed(octets: bytes) -> bytes:
    held = element(0x30, DATA_OID, element(0xA0, octets))
    data = element(0x30, b"\x02\x01\x01", element(0x31), held)
    return element(0x30, SIGNED_OID, element(0xA0, data))


def test_the_content_of_a_signature() -> None:
    assert signed_content(signed(element(0x04, b"words"))) == b"words"


def test_content_in_pieces() -> None:
    assert signed_content(signed(element(0x24, element(0x04, b"wo"), element(0x04, b"rds")))) == b"words"


def test_a_signature_cut_anywhere_does_not_raise() -> None:
    whole = signed(element(0x04, b"words"))
    assert {signed_content(whole[:cut]) for cut in range(len(whole) - 5)} == {None}


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x80" * 5000, b"\x30\xff" + b"\xff" * 200, b"text"])
def test_what_is_no_signature(octets: bytes) -> None:
    assert signed_content(octets) is None


def test_only_the_armour_folds() -> None:
    text = (
        "Hi\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nwords\n-----BEGIN PGP SIGNATURE-----\n\nabc\n"
        "-----END PGP SIGNATURE-----\nbye"
    )
    assert armour(text) == (((1, 4), (5, 9)), False)


def test_an_encrypted_message_is_told_from_a_key() -> None:
    message = "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----"
    assert armour(message) == (((0, 4),), True)
    assert armour(message.replace("MESSAGE", "PUBLIC KEY BLOCK"))[1] is False


def test_an_armour_without_its_end_stays() -> None:
    assert armour("-----BEGIN PGP MESSAGE-----\nabc") == ((), False)


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("smime.p7m", "application/octet-stream"),
        ("x", "application/pkcs7-mime"),
        ("x", "application/pgp-signature"),
    ],
)
def test_what_only_a_mail_program_opens(name: str, content_type: str) -> None:
    assert kind_of(name, content_type, b"-----BEGIN") == CLOSED_MAIL
