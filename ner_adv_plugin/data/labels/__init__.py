"""Labels: spans, and the tag schemes that write them."""
