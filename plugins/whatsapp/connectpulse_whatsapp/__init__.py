"""The WhatsApp channel of Connect Pulse."""
