"""The parts of the stack: how each is planned and started."""
