"""The expert at work: an OpenAI-compatible API, MCP, a page, and who may see what."""
