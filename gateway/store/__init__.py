"""What is kept: the database, its migrations, the inbound journal, the octets."""
