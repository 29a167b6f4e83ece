"""Incoming webhooks with customers' replies, from Mailgun, Postmark and Amazon SES: each one's proof and format."""
