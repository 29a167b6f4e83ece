"""Unit tests of loading blueprints."""
