"""envelope → outcome: SMTP and Maildir."""
