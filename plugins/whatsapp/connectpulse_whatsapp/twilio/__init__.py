"""WhatsApp through Twilio: its Messages API, and its Content API for templates."""
