"""The HTTP API of the open-source React component: its calls replayed byte for byte, and what becomes of each."""
