"""The nouns of a helpdesk and the verbs on them. Every door calls these, and only these."""
