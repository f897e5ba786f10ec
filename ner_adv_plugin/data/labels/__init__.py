"""Labels: spans, and the tag schemes that encode them."""
