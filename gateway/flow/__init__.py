"""What moves: inbound mail towards the desk, letters away from it, and the ticks between."""
