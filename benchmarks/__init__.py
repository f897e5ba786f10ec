"""What the project costs, beside what the machine could do and what others cost."""
