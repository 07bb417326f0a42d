"""issue → rendered: templates, MJML, text part."""
