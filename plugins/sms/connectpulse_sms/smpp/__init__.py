"""SMPP 3.4: codec, session, receipts and the provider built on them."""
