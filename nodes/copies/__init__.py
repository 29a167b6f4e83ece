"""Stripe's customers and subscriptions as rows of ours: for `cancelflow import` and for the webhooks."""
