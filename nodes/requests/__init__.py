"""The parts that cancellation and reactivation requests share: response, status, lease and retries."""
