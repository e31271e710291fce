"""Configuration: what can be set (schema), where it comes from (layers), how it is kept (store)."""
