// Command otlp exports spans of calls by the OpenTelemetry SDK for Go, as a gateway does:
//
//	otlp http://127.0.0.1:8080/v1/traces <API key> <user id> <spans>
package main

import (
	"context"
	"log"
	"os"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
)

func main() {
	if err := export(context.Background(), os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func export(ctx context.Context, args []string) error {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(args[0]),
		otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer " + args[1]}),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
	if err != nil {
		return err
	}
	spans, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter))
	for range spans {
		_, span := provider.Tracer("gateway").Start(ctx, "chat gpt-5")
		span.SetAttributes(
			attribute.String("gen_ai.operation.name", "chat"), attribute.String("gen_ai.provider.name", "openai"),
			attribute.String("gen_ai.request.model", "gpt-5"), attribute.String("user.id", args[2]),
			attribute.Int("gen_ai.usage.input_tokens", 100), attribute.Int("gen_ai.usage.output_tokens", 20),
			attribute.Float64("gen_ai.usage.cost", 0.000125), attribute.StringSlice("gen_ai.response.finish_reasons", []string{"stop"}),
		)
		span.End()
	}
	return provider.Shutdown(ctx)
}
