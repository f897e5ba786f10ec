"""Model hubs: names of what they hold, and downloads into their caches."""
