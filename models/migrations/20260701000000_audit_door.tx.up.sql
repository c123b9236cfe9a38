-- By which door a change came, and the API key that made it. Rows of before have none; where there is one, the chain covers it.
ALTER TABLE audit_logs ADD door text, ADD api_key_name text, ADD api_key_prefix text;
ALTER TABLE propagation_jobs ADD door text, ADD api_key_name text, ADD api_key_prefix text;
