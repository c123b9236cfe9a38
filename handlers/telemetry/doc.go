// Package telemetry counts usage that comes in the formats of others: OpenTelemetry traces with GenAI attributes
// (OTLP/HTTP), and the logs of LiteLLM. Each becomes the events of a report, which room usage counts like any other;
// what makes no event is passed over, and what makes a wrong one is rejected alone.
//
// The senders are gateways with an API key of their own. Prompts and answers that they send along are never stored.
package telemetry

import "tollgate/models/usage"

// Telemetry holds what its actions need.
type Telemetry struct{ Recorder *usage.Recorder }
