"""What `make check` looks at beside code, types and tests."""
