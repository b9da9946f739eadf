"""Mail protocols at the edge: listeners, mailboxes, the courier, DNS."""
