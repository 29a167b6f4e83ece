"""Invoices: drafts and previews, lines and prorations, payments, credit notes and refunds."""
