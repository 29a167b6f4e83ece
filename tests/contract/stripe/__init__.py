"""The simulator's contract: what the real Stripe does, asked of the simulator through the real SDK."""
