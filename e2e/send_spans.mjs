// Exports spans of calls by the OpenTelemetry SDK for JavaScript, as a gateway does:
//
//	node send_spans.mjs http://127.0.0.1:8080/v1/traces <API key> <user id> <protobuf|json>
import { OTLPTraceExporter as Protobuf } from '@opentelemetry/exporter-trace-otlp-proto'
import { OTLPTraceExporter as JSONText } from '@opentelemetry/exporter-trace-otlp-http'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { SpanStatusCode, context, diag, DiagConsoleLogger, DiagLogLevel, trace } from '@opentelemetry/api'

const [url, key, user, encoding] = process.argv.slice(2)
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN)
const Exporter = encoding === 'json' ? JSONText : Protobuf
const exporter = new Exporter({ url, compression: encoding === 'json' ? 'none' : 'gzip', headers: { Authorization: `Bearer ${key}` } })
const provider = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] })
const tracer = provider.getTracer('gateway')

const call = (parent, attributes, failed) => {
  const span = tracer.startSpan('chat gpt-5', {}, parent)
  span.setAttributes({
    'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-5', 'user.id': user, ...attributes,
  })
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
  return trace.setSpan(context.active(), span)
}
const agent = tracer.startSpan('invoke_agent', { attributes: { 'gen_ai.operation.name': 'invoke_agent', 'user.id': user } })
const within = trace.setSpan(context.active(), agent)
call(within, { 'gen_ai.usage.input_tokens': 40, 'gen_ai.usage.output_tokens': 7, 'gen_ai.usage.cost': 8.375e-5 })
call(within, { 'gen_ai.usage.input_tokens': 3, 'gen_ai.usage.output_tokens': 0, 'gen_ai.usage.cost': 1e-9 })
call(within, {}, true)
agent.end()
await provider.shutdown()
