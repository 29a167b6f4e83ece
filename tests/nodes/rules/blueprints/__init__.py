"""Unit tests of the rules of blueprints."""
