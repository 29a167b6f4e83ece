"""What leaves the product: emails and events, through the outbox."""
