"""An in-memory Pub/Sub for the real client, over gRPC."""
