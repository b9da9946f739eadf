"""Mail that is fetched: folders of mailboxes at other servers, watched by IMAP, a thread for each. RFC 3501."""
