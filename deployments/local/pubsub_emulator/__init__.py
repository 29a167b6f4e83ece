"""An in-memory Pub/Sub, spoken to by the real client over gRPC."""
