"""Step 7, online: a real service under real load, and experiments on it."""
