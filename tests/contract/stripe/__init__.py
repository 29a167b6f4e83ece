"""The simulator's contract: the real Stripe's behaviour, tested on the simulator through the real SDK."""
