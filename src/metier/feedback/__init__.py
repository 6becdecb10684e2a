"""What people say of answers, and what it changes."""
