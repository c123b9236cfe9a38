-- Parts of the tokens of a call: of its input what came from a cache and what was written into one, of its output what was reasoning.
ALTER TABLE usage_events ADD cached_input_tokens bigint, ADD cache_write_input_tokens bigint, ADD reasoning_output_tokens bigint;
