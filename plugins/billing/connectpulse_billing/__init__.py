"""Units, rate cards, purchases, subscriptions and invoices, for Connect Pulse."""
