"""Archives of mail from before Helpgate: where their mails lie, and how they come into the journal."""
