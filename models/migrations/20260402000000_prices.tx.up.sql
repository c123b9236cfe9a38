-- What providers charge for models, and whether a profile lets models be called that have no price.
ALTER TABLE providers ADD prices jsonb NOT NULL DEFAULT '[]'; -- dollars per million tokens, model by model
ALTER TABLE provider_configs ADD refuse_unpriced boolean NOT NULL DEFAULT false;
ALTER TABLE usage_events ADD cost_computed boolean NOT NULL DEFAULT false; -- by the prices of that moment, not told by the gateway
